"""Stored scores compared with expected ones: which differ, and which are out of date."""

import operator
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from rfm.model import Model
from rfm.scoring import score_frame

SCORES: Final = ("lead_score", "rfm_recency", "rfm_frequency", "rfm_monetary")
"""The columns that hold the scores of a customer."""

AHEAD: Final = timedelta(minutes=5)
"""How far in the future an order may lie and still count, as in calculate_lead_score()."""

REASONS: Final = ("unscored", "model", "drifted", "aged")
"""Why a customer is out of date. If several are true, the first one is given."""


def out_of_date(totals: pl.DataFrame, model: Model, since: datetime, now: datetime) -> pl.DataFrame:
    """Return the customers whose scores the trigger would change, with a column `reason`.

    totals: one row per customer, as `rfm.db` reads it, with the orders up to `now` + AHEAD.
    model: the model that the trigger scores with, active since `since`.

    `unscored`: the customer was never scored.
    `model`: the customer was scored with another model, before this one became active.
    `drifted`: the score differs from what orders and model give at the customer's own
        `last_scored_at`, because something was written without the triggers.
    `aged`: the score was true at `last_scored_at`; since then time has changed it, or an order
        from the future has started to count.
    """
    scored_at, newest = pl.col("last_scored_at"), pl.col("last_order_at")
    # As in the trigger: an order up to AHEAD of the clock counts; the score is for its instant.
    present = pl.max_horizontal(instant(now), newest)
    before = scored_at < instant(since)
    # If no order is newer than the score, the same orders count at the score's instant and now.
    reason = (
        pl.when(scored_at.is_null() | (pl.col("lead_score").fill_null(0) == 0))
        .then(pl.lit("unscored"))
        .when(newest > scored_at)
        .then(pl.lit("aged"))
        .when(_differs(totals, model, scored_at))
        .then(pl.when(before).then(pl.lit("model")).otherwise(pl.lit("drifted")))
        .when(_differs(totals, model, present))
        .then(pl.lit("aged"))
    )
    return totals.with_columns(reason=reason).filter(pl.col("reason").is_not_null())


def _differs(totals: pl.DataFrame, model: Model, as_of: pl.Expr) -> pl.Series:
    stored = totals.select(SCORES).fill_null(0)
    expected = score_frame(totals.select(numbers_at(as_of)), model).select(SCORES)
    return (stored != expected).fold(operator.or_)


def compare_scores(stored: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Join stored and expected scores by `customer_id`; `agree` is true if all four are equal.

    The expected scores are in columns named `expected_lead_score` and so on. A customer without
    `last_scored_at` was never scored, and is expected to have zeros.
    """
    unscored = pl.col("last_scored_at").is_null()
    both = stored.join(
        expected.select("customer_id", *(pl.col(one).alias(f"expected_{one}") for one in SCORES)),
        on="customer_id",
        how="left",
    ).with_columns(
        pl.when(unscored).then(0).otherwise(f"expected_{one}").alias(f"expected_{one}")
        for one in SCORES
    )
    return both.with_columns(
        agree=pl.all_horizontal(
            pl.col(one).fill_null(0).eq_missing(pl.col(f"expected_{one}")) for one in SCORES
        )
    )


def instant(moment: datetime) -> pl.Expr:
    """Return the instant as a Polars literal, Datetime("us", "UTC")."""
    return pl.lit(moment.astimezone(UTC), pl.Datetime("us", "UTC"))


def numbers_at(as_of: pl.Expr) -> list[pl.Expr]:
    """Return the three numbers of a summary at `as_of`, which is not before the newest order."""
    days = (as_of - pl.col("last_order_at")).dt.total_days()
    return [days.alias("recency_days"), pl.col("frequency"), pl.col("monetary")]
