"""The category of a lead score, and the segment of a recency and a frequency score."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm.model import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENTS: Final = {
    "Champions": ((5,), (4, 5)),
    "Loyal Customers": ((3, 4), (4, 5)),
    "Potential Loyalists": ((4, 5), (2, 3)),
    "New Customers": ((5,), (1,)),
    "Promising": ((4,), (1,)),
    "Need Attention": ((3,), (3,)),
    "About To Sleep": ((3,), (1, 2)),
    "At Risk": ((1, 2), (3, 4)),
    "Cannot Lose Them": ((1, 2), (5,)),
    "Hibernating": ((1, 2), (1, 2)),
}
"""The recency scores and the frequency scores of each segment; together all 25 pairs."""


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


def segment() -> pl.Expr:
    """Return the segment of each pair of `rfm_recency` and `rfm_frequency`.

    Returns an expression on these two integer columns, called `segment`, of type Enum. A score
    that is null or not from 1 to 5 gives null. The idea of the map and most names are Putler's;
    public RFM notebooks share this grid of ten:

    =======  =============================================================================
    recency  segments by frequency
    =======  =============================================================================
    5        New Customers (1), Potential Loyalists (2, 3), Champions (4, 5)
    4        Promising (1), Potential Loyalists (2, 3), Loyal Customers (4, 5)
    3        About To Sleep (1, 2), Need Attention (3), Loyal Customers (4, 5)
    1, 2     Hibernating (1, 2), At Risk (3, 4), Cannot Lose Them (5)
    =======  =============================================================================

    >>> scores = pl.DataFrame({"rfm_recency": [5, 1, 0], "rfm_frequency": [4, 1, 0]})
    >>> scores.select(segment())["segment"].to_list()
    ['Champions', 'Hibernating', None]
    """
    names = {
        10 * recency + frequency: name
        for name, scores in SEGMENTS.items()
        for recency, frequency in product(*scores)
    }
    recency, frequency = _whole("rfm_recency"), _whole("rfm_frequency")
    scored = recency.is_between(1, 5) & frequency.is_between(1, 5)
    cell = pl.when(scored).then(10 * recency + frequency)
    return _named(cell, names, SEGMENTS).alias("segment")


def _whole(column: str) -> pl.Expr:
    value = pl.col(column)
    whole = value.cast(pl.Int64, strict=False)
    # Compared, because the cast alone would cut off fractions and parse text.
    return pl.when(whole == value).then(whole)


def _named(number: pl.Expr, names: dict[int, str], categories: Iterable[str]) -> pl.Expr:
    return number.replace_strict(names, default=None, return_dtype=pl.Enum(list(categories)))
