"""The tables that come from how many customers of each score bought."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl

from rfm.evaluation.intervals import pooled, wilson
from rfm.segments.names import lead_category

_CATEGORY: Final = lead_category().alias("category")
_PER_INSTANT: Final = "as_of"
_TENTHS: Final = [tenth / 10 for tenth in range(1, 11)]
_SCORES: Final = range(6, 31)


def outcomes(customers: pl.DataFrame) -> pl.DataFrame:
    """Count the customers of each instant and score, the buyers among them, and their revenue."""
    return (
        customers.group_by(_PER_INSTANT, "lead_score")
        .agg(
            customers=pl.len().cast(pl.Int64),
            buyers=pl.col("bought").sum().cast(pl.Int64),
            revenue=pl.col("revenue").sum(),
        )
        .sort(_PER_INSTANT, "lead_score")
    )


def by_category(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return what became of each category; see Evaluation.by_category."""
    sums = pl.col("customers", "buyers", "revenue").sum()
    counted = outcomes.group_by(_PER_INSTANT, _CATEGORY).agg(sums)
    overall = pl.col("buyers").sum() / pl.col("customers").sum()
    lift = pl.col("rate") / pl.when(overall > 0).then(overall).over(_PER_INSTANT)
    return (
        counted.with_columns(wilson(pl.col("buyers"), pl.col("customers")))
        .with_columns(lift.alias("lift"))
        .select(
            *(_PER_INSTANT, "category", "customers", "buyers"),
            *("rate", "rate_low", "rate_high", "lift", "revenue"),
        )
        .sort(_PER_INSTANT, "category", descending=[False, True])
    )


def gains(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return what the best tenths of the customers bring; see Evaluation.gains."""
    best_first = outcomes.sort(_PER_INSTANT, "lead_score", descending=[False, True])
    counted = [pl.col(name).cast(pl.Float64) for name in ("customers", "buyers", "revenue")]
    numbers = best_first.select(_PER_INSTANT, *counted)
    # where one score ends and the next begins, in customers from the best on
    ended = pl.col("customers").cum_sum().over(_PER_INSTANT)
    all_customers = pl.col("customers").sum().over(_PER_INSTANT)
    steps = numbers.with_columns(start=ended - pl.col("customers"), all_customers=all_customers)
    tenths = pl.DataFrame({"share_of_customers": _TENTHS})
    reached = pl.col("share_of_customers") * pl.col("all_customers") - pl.col("start")
    part = (reached / pl.col("customers")).clip(0, 1)
    return (
        steps.join(tenths, how="cross")
        .group_by(_PER_INSTANT, "share_of_customers")
        .agg(
            share_of_buyers=_share(part, pl.col("buyers")),
            share_of_revenue=_share(part, pl.col("revenue")),
        )
        .with_columns(steady("share_of_buyers", "share_of_revenue"))
        .sort(_PER_INSTANT, "share_of_customers")
    )


def steady(*columns: str) -> pl.Expr:
    """Return the columns without their last digits, which differ from one parallel sum to another.

    So equal input gives equal output, byte for byte.
    """
    return pl.col(*columns).round(12)


def _share(part: pl.Expr, amount: pl.Expr) -> pl.Expr:
    total = amount.sum()
    return (part * amount).sum() / pl.when(total != 0).then(total)


def calibration(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return the rate of each score, measured and fitted; see Evaluation.calibration."""
    measured = outcomes.drop("revenue").with_columns(wilson(pl.col("buyers"), pl.col("customers")))
    fitted = [
        part.with_columns(
            fitted=pl.Series(
                pooled(part["rate"].to_list(), part["customers"].to_list()), dtype=pl.Float64
            )
        )
        for part in measured.partition_by(_PER_INSTANT, maintain_order=True)
    ]
    return pl.concat(fitted)


def stability(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return the population stability index of each instant; see Evaluation.stability."""
    instants = outcomes.select(pl.col(_PER_INSTANT).unique().sort())
    every = instants.join(pl.DataFrame({"lead_score": _SCORES}), how="cross").cast(
        {"lead_score": outcomes["lead_score"].dtype}
    )
    counted = every.join(outcomes, on=[_PER_INSTANT, "lead_score"], how="left")
    smoothed = pl.col("customers").fill_null(0) + 0.5
    shares = counted.with_columns(share=smoothed / smoothed.sum().over(_PER_INSTANT))
    first = shares.filter(pl.col(_PER_INSTANT) == pl.col(_PER_INSTANT).min())
    both = shares.join(first.select("lead_score", first="share"), on="lead_score")
    share, before = pl.col("share"), pl.col("first")
    return (
        both.group_by(_PER_INSTANT)
        .agg(psi=((share - before) * (share / before).log()).sum())
        .with_columns(steady("psi"))
        .sort(_PER_INSTANT)
    )


def rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON has them."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_dicts()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
