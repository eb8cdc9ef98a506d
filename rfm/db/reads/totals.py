"""One row per customer: the stored scores, and what the orders come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple, cast

import polars as pl
from sqlalchemy import Connection, Engine

from rfm.db.connect import run_script
from rfm.db.reads.reader import Reader, exact, open_reader
from rfm.db.schema.required import CUSTOMERS, require_migration
from rfm.db.sql import run

RANGE_SIZE = 100_000
"""Customers that are read at once; some hundred bytes each."""


class KeyRange(NamedTuple):
    """Customers that lie beside each other: from `first` on, up to the one before `stop`."""

    first: str
    stop: str | None  # None: no end
    customers: int


def key_ranges(connection: Connection, size: int = RANGE_SIZE) -> list[KeyRange]:
    """Cut the customers into ranges of `size`, going from one to the next by their primary key."""
    firsts = [row.first for row in run(connection, "internal/reads/key_ranges", size=size)]
    if not firsts:
        return []
    full = [KeyRange(first, stop, size) for first, stop in pairwise(firsts)]
    [rest] = run(connection, "internal/reads/last_range", first=firsts[-1])
    return [*full, KeyRange(firsts[-1], None, rest.customers)]


def read_totals(reader: Reader, keys: KeyRange, until: datetime) -> pl.DataFrame:
    """Return the customers of a range, in no particular order.

    `customer_id` (text), `last_scored_at` (UTC; null where it is not finite), the four stored
    scores, and of the orders up to `until`: `last_order_at` (UTC; null where there is none, or it
    lies at -infinity), `frequency` and `monetary` (exact).
    """
    totals = reader.read("internal/reads/totals", first=keys.first, stop=keys.stop, until=until)
    return totals.with_columns(
        pl.col("rfm_monetary").cast(pl.Decimal(3, 2)), exact(totals["monetary"])
    )


def clock(engine: Engine) -> datetime:
    """Return what time it is in the database."""
    with engine.connect() as connection:
        return read_clock(connection)


def read_clock(connection: Connection) -> datetime:
    """Do the same as `clock` inside the caller's transaction, whose beginning it is."""
    [(now,)] = run_script(connection, "select now()")
    return cast("datetime", now).astimezone(UTC)


@contextmanager
def every_range(
    engine: Engine, until: datetime, size: int = RANGE_SIZE
) -> Iterator[Iterator[pl.DataFrame]]:
    """Open what `read_totals` tells of the customers of a database, a range at a time."""
    with engine.connect() as connection:
        require_migration(connection, CUSTOMERS)
        ranges = key_ranges(connection, size)
        connection.rollback()  # no transaction stays open while the caller computes
        with open_reader(connection) as reader:
            yield (read_totals(reader, keys, until) for keys in ranges)
