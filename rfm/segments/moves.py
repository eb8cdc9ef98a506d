"""How many customers moved from one category to another."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import polars as pl

from rfm.model import CATEGORIES
from rfm.segments.names import lead_category

NOT_SCORED: Final = "not scored"
LABELS: Final = (*reversed(CATEGORIES), NOT_SCORED)
"""Every category, hottest first, then the customers without a score."""

Moves = Counter[tuple[str, str]]
"""How many customers have each pair of categories, (before, after)."""


def count_moves(before: pl.Series, after: pl.Series) -> Moves:
    """Count the pairs of categories of two columns of lead scores, row by row."""
    pairs = pl.DataFrame({"before": _category(before), "after": _category(after)})
    counted = pairs.group_by("before", "after").len()
    return Counter({(before, after): number for before, after, number in counted.rows()})


def _category(lead_scores: pl.Series) -> pl.Series:
    category = pl.DataFrame({"lead_score": lead_scores}).select(lead_category()).to_series()
    return category.cast(pl.String).fill_null(NOT_SCORED)


def matrix(moves: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """Return moves as a table: a row per category before, a column per category after.

    >>> matrix({("Warm", "Hot"): 2, ("Cold", "Cold"): 5}).rows()
    [('Warm', 2, 0), ('Cold', 0, 5)]
    >>> matrix({("Warm", "Hot"): 2, ("Cold", "Cold"): 5}).columns
    ['before', 'Hot', 'Cold']
    """
    rows = [label for label in LABELS if any(label == before for before, _ in moves)]
    columns = [label for label in LABELS if any(label == after for _, after in moves)]
    return pl.DataFrame(
        {"before": pl.Series(rows, dtype=pl.String)}
        | {
            after: pl.Series([moves.get((before, after), 0) for before in rows], dtype=pl.Int64)
            for after in columns
        }
    )
