"""Whose stored scores are out of date, and why."""

import operator
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from rfm.db.proof import SCORES
from rfm.db.totals import at, instant
from rfm.model import Model
from rfm.scoring import score_frame

AHEAD: Final = timedelta(minutes=5)
"""How far an order may lie ahead of the clock and count: as in calculate_lead_score()."""

REASONS: Final = ("unscored", "model", "drifted", "aged")
"""Why a customer is out of date; of several, the first."""


def out_of_date(totals: pl.DataFrame, model: Model, since: datetime, now: datetime) -> pl.DataFrame:
    """Return the customers whom the trigger would give other scores, with the `reason`.

    totals: what `rfm.db.totals.read_totals` returns, with the orders up to AHEAD of `now`.
    model: the one that the trigger scores with, active since `since`.

    `unscored`: never scored.
    `model`: scored before the model became active, and by another one.
    `drifted`: not what orders and model give at the customer's own `last_scored_at`; written past
        the triggers.
    `aged`: true at `last_scored_at`, but time has passed since, or an order has come to count.
    """
    scored_at, newest = pl.col("last_scored_at"), pl.col("last_order_at")
    # the trigger's own rule: a fresh order counts at once, and the score is for its instant
    present = pl.max_horizontal(instant(now), newest)
    before = scored_at < instant(since)
    # Where no order is newer than the score, the same orders count at its instant and now.
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
    expected = score_frame(totals.select(at(as_of)), model).select(SCORES)
    return (stored != expected).fold(operator.or_)
