"""The verdict: whether the lead score is better than raw recency alone, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

Row = dict[str, Any]


def verdict(auc: pl.DataFrame, differences: pl.DataFrame) -> str:
    """Return the verdict on the areas under the curves of each instant.

    auc, differences: as in `Evaluation`. The score is better where the whole interval of the
    difference lies above 0.
    """
    areas = {(row["as_of"], row["predictor"]): row["auc"] for row in auc.to_dicts()}
    compared = [
        row
        for row in differences.filter(predictor="recency").to_dicts()
        if row["auc"] is not None and row["low"] is not None
    ]
    if not compared:
        return (
            "Nothing can be said: on no day did at least two customers buy and at least two others "
            "not; choose a longer horizon or another as_of."
        )
    others = [row for row in compared if row["low"] <= 0]
    told = "; ".join(_comparison(row, areas) for row in compared)
    if not others:
        return f"The lead score tells better than raw recency alone who buys: {told}."
    days = "" if len(compared) == 1 else f" on {len(others)} of {len(compared)} days"
    return f"The lead score is no better than raw recency alone{days}: {told}."


def _comparison(row: Row, areas: Mapping[tuple[Any, str], float]) -> str:
    score, recency = (areas[row["as_of"], name] for name in ("lead_score", "recency"))
    return (
        f"as of {row['as_of']:%Y-%m-%d} its area under the curve is {score:.3f}, that of recency "
        f"{recency:.3f} (difference {row['auc']:+.3f}, from {row['low']:+.3f} "
        f"to {row['high']:+.3f})"
    )
