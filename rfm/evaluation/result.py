"""What an evaluation found, as frames and as one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rfm.evaluation import tables
from rfm.evaluation.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    import polars as pl

    from rfm.model import Model

FRAMES: Final = (
    "outcomes",
    "by_category",
    "auc",
    "differences",
    "gains",
    "calibration",
    "stability",
)
"""The frames of an evaluation, in the order in which they are told."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How well the scores of past days told who would buy.

    Every frame has one block of rows per instant, in the order of the instants. Rates, shares and
    areas are Float64 from 0 to 1; intervals hold in 95 of 100 samples; money is as in the orders.

    horizon: how long after each instant an order counts as its outcome.
    models: the model that each instant was scored with.
    outcomes: `as_of`, `lead_score`, `customers`, `buyers`, `revenue`: how many customers had the
        score, how many of them bought, and for how much. All else but the areas comes from it.
    auc: `as_of`, `predictor`, `auc`, `low`, `high`: the area under the curve of `lead_score`, of
        the raw numbers `recency`, `frequency` and `monetary`, and of `equal_weights` (R + F + M).
        0.5 is chance. Null where nobody or everybody bought.
    differences: `as_of`, `predictor`, `auc`, `low`, `high`: how far the area of `lead_score` is
        above that of each other predictor, on the same customers.
    """

    horizon: timedelta
    models: Mapping[datetime, Model]
    outcomes: pl.DataFrame
    auc: pl.DataFrame
    differences: pl.DataFrame

    @property
    def by_category(self) -> pl.DataFrame:
        """Return what became of each category, hottest first.

        `as_of`, `category`, `customers`, `buyers`, `rate`, `rate_low`, `rate_high` (Wilson 1927),
        `lift` (the rate over that of all customers; null where nobody bought), `revenue`.
        """
        return tables.by_category(self.outcomes)

    @property
    def gains(self) -> pl.DataFrame:
        """Return what the best tenths of the customers bring.

        `as_of`, `share_of_customers` (0.1 to 1.0), `share_of_buyers`, `share_of_revenue`. Of
        customers with equal scores, a tenth that ends among them has its part of the buyers.
        """
        return tables.gains(self.outcomes)

    @property
    def calibration(self) -> pl.DataFrame:
        """Return the rate of each score, and the closest one that never falls as scores rise.

        `as_of`, `lead_score`, `customers`, `buyers`, `rate`, `rate_low`, `rate_high`, `fitted`
        (pool-adjacent-violators).
        """
        return tables.calibration(self.outcomes)

    @property
    def stability(self) -> pl.DataFrame:
        """Return how far the scores' distribution moved from that of the first instant.

        `as_of`, `psi`: the population stability index over the lead scores, 0 where nothing moved.
        Below 0.1 is usually called stable, above 0.25 a shift. Half a customer is added to each
        score, so that a score that nobody has is no division by 0.
        """
        return tables.stability(self.outcomes)

    @property
    def verdict(self) -> str:
        """Return in one sentence whether the score is better than raw recency alone."""
        return verdict(self.auc, self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it: instants as ISO 8601, money as text."""
        frames = {name: tables.rows(getattr(self, name)) for name in FRAMES}
        models = {at.isoformat(): _numbers(model) for at, model in self.models.items()}
        days = self.horizon.total_seconds() / 86_400
        return {"verdict": self.verdict, "horizon_days": days, "models": models, **frames}


def _numbers(model: Model) -> dict[str, list[Any]]:
    lists = {"recency": model.recency, "frequency": model.frequency, "weights": model.weights}
    return {name: [*values] for name, values in lists.items()} | {
        "monetary": [str(least) for least in model.monetary]
    }
