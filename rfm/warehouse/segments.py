"""The segment of each customer of a scored table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from rfm.segments.grids import GRID
from rfm.segments.maps import PROSPECT_KEY, SegmentMap, check_segment_map
from rfm.warehouse.kinds import MONEY, WHOLE, check_table

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SCORES: Final = {
    "rfm_recency": WHOLE,
    "rfm_frequency": WHOLE,
    "rfm_monetary": MONEY,
    "frequency": WHOLE,
}


def segment(scores: ir.Table, segment_map: SegmentMap = GRID) -> ir.Table:
    """Add the key of each customer's segment, as `rfm.segment` finds it.

    scores: one row per customer, as `score_orders` returns it.
    segment_map: which segment each triple of scores belongs to.

    Returns an Ibis table, not computed yet: all columns in their order, then `segment` (text). A
    score that is null or not a whole number from 1 to 5 gives null; else a frequency that is null
    or less than 1 gives `prospect`.

    Raises InvalidFrame for missing columns or wrong types, and InvalidSegmentMap if the map is not
    an `rfm.SegmentMap`.

    >>> from datetime import date
    >>> from rfm import PUBLISHED
    >>> from rfm.warehouse import score_orders
    >>> from rfm.warehouse.example import example_orders
    >>> scores = score_orders(example_orders(), as_of=date(2025, 1, 31), model=PUBLISHED)
    >>> sorted(segment(scores).to_polars()["segment"])
    ['potential_loyalist', 'prospect']
    """
    check_segment_map(segment_map)
    check_table(scores, "scores", _SCORES, "call rfm.warehouse.score_orders first")
    recency, frequency, monetary = scores.rfm_recency, scores.rfm_frequency, scores.rfm_monetary
    scored = recency.between(1, 5) & frequency.between(1, 5) & monetary.between(1, 5)
    # a fraction stays one, and is no triple
    triple = recency * 100 + frequency * 10 + monetary
    triples: dict[str, list[int]] = {}
    for (r, f, m), key in segment_map.by_triple.items():
        triples.setdefault(key, []).append(100 * r + 10 * f + m)
    every = [number for numbers in triples.values() for number in numbers]
    no_order = (scores.frequency < 1) | scores.frequency.isnull()
    cases = [
        (scored & triple.isin(every) & no_order, PROSPECT_KEY),
        *((scored & triple.isin(numbers), key) for key, numbers in triples.items()),
    ]
    return scores.mutate(segment=ibis.cases(*cases, else_=ibis.null("string")))
