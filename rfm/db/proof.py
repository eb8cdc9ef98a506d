"""The proof: what the database's triggers stored is what Polars finds on the same orders."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from queue import SimpleQueue
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of
from rfm.db.models.stored import read_active_model, stored_model
from rfm.db.reads.orders import NO_ORDERS, read_orders
from rfm.db.reads.reader import Reader, open_reader
from rfm.db.reads.totals import RANGE_SIZE, KeyRange, key_ranges
from rfm.db.schema.required import CUSTOMERS, require_migration
from rfm.db.sql import run
from rfm.model import PUBLISHED, Model
from rfm.scoring import score_frame
from rfm.stored import compare_scores
from rfm.summary import summarize_orders

READERS: Final = 2
"""Ranges of customers that are read and compared at the same time."""

ORDERS_AT_ONCE: Final = 250_000
"""About how many orders a range has, by PostgreSQL's estimate; some 200 bytes each."""

_STORED: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "customer_id": pl.String,
    "last_scored_at": pl.Datetime("us", "UTC"),
    "lead_score": pl.Int32,
    "rfm_recency": pl.Int32,
    "rfm_frequency": pl.Int32,
    "rfm_monetary": pl.Decimal(3, 2),
}


def score_differences(database: Engine | str) -> pl.DataFrame:
    """Score every customer in Polars and return those whose stored scores are others.

    Each customer is scored at the instant that the stored score is for (`last_scored_at`). One row
    a difference: `customer_id` (text), `last_scored_at`, each stored score and each expected one
    (`expected_lead_score`, …). No row means that database and library agree.

    The customers are read a range at a time, so that the memory does not grow with the database.
    Scores, orders and the active model of a range are read in one snapshot: orders that come in
    meanwhile are no differences.

    >>> from rfm.testing import example_engine
    >>> score_differences(example_engine()).height
    0
    """
    engine = engine_of(database)
    with engine.connect() as connection:
        require_migration(connection, CUSTOMERS)
        active, _ = read_active_model(connection)
        ranges = key_ranges(connection, _range_size(connection))
        connection.rollback()  # no transaction stays open while Polars computes
        found = [_compare(pl.DataFrame(schema=_STORED), NO_ORDERS, active)]
        with _open_readers(connection) as readers, ThreadPoolExecutor(READERS) as pool:
            model_of = cache(partial(stored_model, engine))
            found += pool.map(partial(_differences, readers, model_of), ranges)
    return pl.concat(found)


@contextmanager
def _open_readers(connection: Connection) -> Iterator[SimpleQueue[Reader]]:
    with ExitStack() as opened:
        readers: SimpleQueue[Reader] = SimpleQueue()
        for _ in range(READERS):
            readers.put(opened.enter_context(open_reader(connection)))
        yield readers


def _differences(
    readers: SimpleQueue[Reader], model_of: Callable[[int], Model], keys: KeyRange
) -> pl.DataFrame:
    reader = readers.get()
    try:
        stored, orders = _read(reader, keys)
    finally:
        readers.put(reader)
    # the range is empty when its customers were deleted meanwhile: any model will do
    model = model_of(stored["model"][0]) if stored.height else PUBLISHED
    return _compare(stored.select(*_STORED), orders, model)


def _range_size(connection: Connection) -> int:
    customers = _estimated_rows(connection, "internal/reads/plan_of_customers")
    orders = _estimated_rows(connection, "internal/reads/plan_of_orders")
    return min(RANGE_SIZE, customers * ORDERS_AT_ONCE // orders + 1)


def _estimated_rows(connection: Connection, query: str) -> int:
    """Return how many rows the planner expects, which is at least one."""
    [([plan],)] = run(connection, query)
    return int(plan["Plan"]["Plan Rows"])


def _read(reader: Reader, keys: KeyRange) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the stored scores of a range, with the active `model`'s number, and its orders."""
    with reader.snapshot():
        stored = reader.read("internal/reads/scores", first=keys.first, stop=keys.stop)
        orders = read_orders(reader, keys)
    return stored.cast({"rfm_monetary": _STORED["rfm_monetary"]}), orders


def _compare(stored: pl.DataFrame, orders: pl.DataFrame, model: Model) -> pl.DataFrame:
    as_of = pl.col("last_scored_at")
    customers = stored.select("customer_id", "last_scored_at")
    expected = score_frame(summarize_orders(orders, as_of=as_of, customers=customers), model)
    return compare_scores(stored, expected).filter(~pl.col("agree")).drop("agree")
