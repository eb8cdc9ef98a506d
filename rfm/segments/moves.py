"""How many customers moved from one category or segment to another."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from rfm.model import CATEGORIES
from rfm.segments.names import lead_category

NOT_SCORED: Final = "not scored"
LABELS: Final = (*reversed(CATEGORIES), NOT_SCORED)
"""Every category, hottest first, then the customers without a score."""

Moves = Counter[tuple[str, str]]
"""How many customers have each pair of categories, or of segments: (before, after)."""


def count_moves(before: pl.Series, after: pl.Series) -> Moves:
    """Count the pairs of categories of two columns of lead scores, row by row."""
    return count_pairs(_category(before), _category(after))


def count_pairs(before: pl.Series, after: pl.Series) -> Moves:
    """Count the pairs of names of two columns, row by row."""
    pairs = pl.DataFrame({"before": before.cast(pl.String), "after": after.cast(pl.String)})
    counted = pairs.group_by("before", "after").len()
    return Counter({(one, other): number for one, other, number in counted.rows()})


def _category(lead_scores: pl.Series) -> pl.Series:
    category = pl.DataFrame({"lead_score": lead_scores}).select(lead_category()).to_series()
    return category.cast(pl.String).fill_null(NOT_SCORED)


def matrix(
    moves: Mapping[tuple[str, str], int],
    before: Iterable[str] = LABELS,
    after: Iterable[str] = LABELS,
) -> pl.DataFrame:
    """Return moves as a table: a row per category before, a column per category after.

    before, after: all names in the order of the rows, and of the columns; categories unless given.
        Names that no customer has are left out.

    >>> matrix({("Warm", "Hot"): 2, ("Cold", "Cold"): 5}).rows()
    [('Warm', 2, 0), ('Cold', 0, 5)]
    >>> matrix({("Warm", "Hot"): 2, ("Cold", "Cold"): 5}).columns
    ['before', 'Hot', 'Cold']
    """
    rows = [name for name in before if any(name == one for one, _ in moves)]
    columns = [name for name in after if any(name == other for _, other in moves)]
    return pl.DataFrame(
        {"before": pl.Series(rows, dtype=pl.String)}
        | {
            column: pl.Series([moves.get((row, column), 0) for row in rows], dtype=pl.Int64)
            for column in columns
        }
    )
