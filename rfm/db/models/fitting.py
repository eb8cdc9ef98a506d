"""Finding thresholds on the customers of a database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from sqlalchemy import Engine

from rfm.db.connect import engine_of
from rfm.db.reads.totals import clock, every_range
from rfm.instants import EPOCH, microseconds_since_epoch
from rfm.model import Model
from rfm.quintiles import FEWEST_CUSTOMERS
from rfm.quintiles import fit as fit_quintiles
from rfm.stored import instant, numbers_at

_EMPTY_SUMMARY: Final = pl.DataFrame(
    schema={"recency_days": pl.Int64, "frequency": pl.Int64, "monetary": pl.Decimal(38, 0)}
)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model with its origin.

    customers: how many customers with a counted order it was found from.
    as_of: the instant that it was fitted for.
    """

    model: Model
    customers: int
    as_of: datetime


def fit(
    database: Engine | str,
    as_of: datetime | date | None = None,
    *,
    min_customers: int = FEWEST_CUSTOMERS,
) -> FittedModel:
    """Fit quintiles on the customers of a database; nothing is stored.

    as_of: orders up to then count (UTC where it is naive, a date is its midnight UTC); without one,
        orders up to the database's clock.
    min_customers: how many customers with a counted order there have to be.

    `store_model` stores the result, and `activate` scores with it. Reads one row per customer.
    Raises `TooFewCustomers`, `EmptyFit` where nobody has a counted order, and `InvalidAsOf`.

    >>> from rfm.testing import example_engine
    >>> fit(example_engine(), min_customers=2).model.frequency
    (5, 5)
    """
    engine = engine_of(database)
    moment = clock(engine) if as_of is None else _datetime(as_of)
    with every_range(engine, moment) as portions:
        numbers = [portion.select(numbers_at(instant(moment))) for portion in portions]
    # relaxed: each portion's sums have as many digits as they need
    summary = pl.concat([_EMPTY_SUMMARY, *numbers], how="vertical_relaxed")
    return fit_summary(summary, moment, min_customers=min_customers)


def _datetime(as_of: datetime | date) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds_since_epoch(as_of))


def fit_summary(summary: pl.DataFrame, as_of: datetime, *, min_customers: int) -> FittedModel:
    """Fit quintiles on a summary, as `rfm.fit` does, and add the origin of the model."""
    customers = summary.filter(pl.col("frequency") >= 1).height
    return FittedModel(fit_quintiles(summary, min_customers=min_customers), customers, as_of)
