"""How well the scores of past days told who would buy, from the orders of a database."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import polars as pl
from sqlalchemy import Engine

from rfm.db.connect import engine_of
from rfm.db.reads.orders import NO_ORDERS, read_orders
from rfm.db.reads.reader import open_reader
from rfm.db.reads.totals import key_ranges
from rfm.db.schema.required import CUSTOMERS, require_migration
from rfm.evaluation.evaluate import evaluate as evaluate_orders
from rfm.evaluation.result import Evaluation
from rfm.model import Model


def evaluate(
    database: Engine | str,
    *,
    as_of: datetime | date | Iterable[datetime | date],
    horizon: timedelta | str,
    model: Model | None = None,
) -> Evaluation:
    """Evaluate as `rfm.evaluate` does, with the orders of a database.

    Only counted orders are read: a customer whose orders were all cancelled is left out, and is a
    customer of none of the instants. The orders are held in memory, some 40 bytes each. Raises what
    `rfm.evaluate` raises, and `SchemaOutdated` where lead scoring is not installed.

    >>> from rfm.testing import example_engine
    >>> found = evaluate(example_engine(), as_of=date(2024, 1, 1), horizon="1d")
    Traceback (most recent call last):
    rfm.errors.EmptyFit: ...
    """
    engine = engine_of(database)
    with engine.connect() as connection:
        require_migration(connection, CUSTOMERS)
        ranges = key_ranges(connection)
        connection.rollback()  # no transaction stays open while Polars computes
        with open_reader(connection) as reader, reader.snapshot():
            orders = [read_orders(reader, keys) for keys in ranges]
    every = pl.concat([NO_ORDERS, *orders], how="vertical_relaxed")
    return evaluate_orders(every, as_of=as_of, horizon=horizon, model=model)
