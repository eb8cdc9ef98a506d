"""Expressions: the category of a lead score, the segment of three scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from rfm.model import CATEGORIES
from rfm.segments.grids import GRID
from rfm.segments.maps import PROSPECT_KEY, SegmentMap, check_segment_map

if TYPE_CHECKING:
    from collections.abc import Iterable


def lead_category() -> pl.Expr:
    """Return the category of each `lead_score`: Hot 24-30, Warm 18-23, Cool 12-17, Cold 6-11.

    Returns an expression on the integer column `lead_score`, called `lead_category`, of type
    Enum(Cold, Cool, Warm, Hot), which sorts in that order. 0 and null mean "not scored yet", and
    give null; so does every other number, also a fraction. Polars refuses text.

    >>> pl.DataFrame({"lead_score": [30, 17, 0]}).select(lead_category())["lead_category"].to_list()
    ['Hot', 'Cool', None]
    """
    names = {score: name for name, scores in CATEGORIES.items() for score in scores}
    return _named(_whole("lead_score"), names, CATEGORIES).alias("lead_category")


def segment(segment_map: SegmentMap = GRID) -> pl.Expr:
    """Return the key of each customer's segment.

    segment_map: which segment each triple of scores belongs to; `rfm.GRID_PUBLISHED` where the
        first order earns a frequency score of 2, as it does under `rfm.PUBLISHED`.

    Returns an expression on the columns `rfm_recency`, `rfm_frequency`, `rfm_monetary` and
    `frequency`, called `segment`, of type Enum: the keys in the map's order. A score that is null
    or not a whole number from 1 to 5 gives null. Else a frequency that is null or less than 1
    gives `prospect`, and the scores decide the rest. Names for people are in `segment_map.names`.

    The scores alone do not tell a prospect, so `frequency` is required. For scores that a database
    has stored, use `rfm.db.customer_segments`.

    Raises InvalidSegmentMap if the map is not an `rfm.SegmentMap`.

    >>> scores = pl.DataFrame({"rfm_recency": [5, 1, 0], "rfm_frequency": [4, 1, 0],
    ...                        "rfm_monetary": [5, 1, 0], "frequency": [9, 0, 0]})
    >>> scores.select(segment())["segment"].to_list()
    ['champions', 'prospect', None]
    """
    check_segment_map(segment_map)
    recency, frequency = _score("rfm_recency"), _score("rfm_frequency")
    # 111 to 555; null as soon as one of the three is
    triple = 100 * recency + 10 * frequency + _score("rfm_monetary")
    orders = pl.col("frequency")
    counted = (orders >= 1) & (orders < math.inf)  # NaN is the greatest number of Polars
    prospect = pl.when(counted.fill_null(value=False)).then(triple).otherwise(triple * 0)
    keys = {100 * r + 10 * f + m: key for (r, f, m), key in segment_map.by_triple.items()}
    return _named(prospect, {0: PROSPECT_KEY} | keys, segment_map.keys).alias("segment")


def _score(column: str) -> pl.Expr:
    whole = _whole(column)
    return pl.when(whole.is_between(1, 5)).then(whole)


def _whole(column: str) -> pl.Expr:
    value = pl.col(column)
    whole = value.cast(pl.Int64, strict=False)
    # Compared, because the cast alone would cut off fractions and parse text.
    return pl.when(whole == value).then(whole)


def _named(number: pl.Expr, names: dict[int, str], categories: Iterable[str]) -> pl.Expr:
    return number.replace_strict(names, default=None, return_dtype=pl.Enum(list(categories)))
