"""Finding thresholds that nobody scores with yet, from a database or from any summary."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl
from sqlalchemy import Engine

from rfm.db.reads.totals import clock, every_range
from rfm.errors import TooFewCustomers
from rfm.model import Model
from rfm.quintiles import fit
from rfm.stored import instant, numbers_at

FEWEST_CUSTOMERS: Final = 500
"""Customers with an order below which quintiles say little: as many as Klaviyo asks for."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model, from how many customers with a counted order it was found, and for which instant."""

    model: Model
    customers: int
    as_of: datetime


def fit_model(
    engine: Engine, as_of: datetime | None = None, *, min_customers: int = FEWEST_CUSTOMERS
) -> FittedModel:
    """Fit quintiles on the customers of a database; nothing is stored.

    The orders up to `as_of` (UTC where it is naive) count, by default those up to the database's
    clock. `store_model` keeps the result, `activate` also scores with it. Reads one row per
    customer. Raises `TooFewCustomers` where fewer than `min_customers` have an order that counts,
    and `EmptyFit` where none has and that is allowed.

    >>> from rfm.testing import example_engine
    >>> fit_model(example_engine(), min_customers=2).model.frequency
    (5, 5)
    """
    moment = clock(engine) if as_of is None else as_of
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)
    with every_range(engine, moment) as portions:
        numbers = [portion.select(numbers_at(instant(moment))) for portion in portions]
    # relaxed: each portion's sums have as many digits as they need
    summary = pl.concat([_NOBODY, *numbers], how="vertical_relaxed")
    return fit_summary(summary, moment, min_customers=min_customers)


_NOBODY: Final = pl.DataFrame(
    schema={"recency_days": pl.Int64, "frequency": pl.Int64, "monetary": pl.Decimal(38, 0)}
)


def fit_summary(
    summary: pl.DataFrame, as_of: datetime, *, min_customers: int = FEWEST_CUSTOMERS
) -> FittedModel:
    """Do what `rfm.fit` does, unless there are too few customers to fit on.

    summary: one row per customer, as `rfm.summarize_orders` returns it for `as_of`.

    Raises `TooFewCustomers` where fewer than `min_customers` have a counted order, and whatever
    `rfm.fit` raises.

    >>> summary = pl.DataFrame({"recency_days": [3], "frequency": [1], "monetary": [9]})
    >>> fit_summary(summary, datetime(2026, 11, 1, tzinfo=UTC))
    Traceback (most recent call last):
    rfm.errors.TooFewCustomers: 1 customer has a counted order, and quintiles are fitted on 500 or \
more; pass a smaller `min_customers`, or keep the model that you have
    """
    found = summary.filter(pl.col("frequency") >= 1).height
    if found < min_customers:
        noun = "customer has" if found == 1 else "customers have"
        raise TooFewCustomers(
            f"{found:,} {noun} a counted order, and quintiles are fitted on {min_customers:,} or "
            "more; pass a smaller `min_customers`, or keep the model that you have"
        )
    return FittedModel(fit(summary), found, as_of)
