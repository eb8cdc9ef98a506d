"""The proof: what the database's triggers stored is what Polars finds on the same orders."""

from functools import cache, partial
from typing import Final

import polars as pl
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.models.stored import read_active_model, stored_model
from rfm.db.reads.reader import Reader, exact, open_reader
from rfm.db.reads.totals import RANGE_SIZE, KeyRange, key_ranges
from rfm.db.schema.required import require_migration
from rfm.model import Model
from rfm.scoring import score_frame
from rfm.stored import compare_scores
from rfm.summary import summarize_orders

ORDERS_AT_ONCE: Final = 500_000
"""About how many orders are read at once; some 200 bytes each."""

_STORED: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "customer_id": pl.String,
    "last_scored_at": pl.Datetime("us", "UTC"),
    "lead_score": pl.Int32,
    "rfm_recency": pl.Int32,
    "rfm_frequency": pl.Int32,
    "rfm_monetary": pl.Decimal(3, 2),
}
_ORDERS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "customer_id": pl.String,
    "ordered_at": pl.Datetime("us", "UTC"),
    "amount": pl.Decimal(38, 0),
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
    model_of = cache(partial(stored_model, engine))
    with engine.connect() as connection:
        require_migration(connection)
        active, _ = read_active_model(connection)
        ranges = key_ranges(connection, _range_size(connection))
        connection.rollback()  # no transaction stays open while Polars computes
        found = [_compare(pl.DataFrame(schema=_STORED), pl.DataFrame(schema=_ORDERS), active)]
        with open_reader(connection) as reader:
            for keys in ranges:
                number, stored, orders = _read(reader, keys)
                if number is not None:
                    found.append(_compare(stored, orders, model_of(number)))
    return pl.concat(found)


def _range_size(connection: Connection) -> int:
    customers = _estimated_rows(connection, "public.customers")
    orders = _estimated_rows(connection, "public.lead_score_orders")
    return min(RANGE_SIZE, customers * ORDERS_AT_ONCE // orders + 1)


def _estimated_rows(connection: Connection, relation: str) -> int:
    """Return how many rows the planner expects, which is at least one."""
    [([plan],)] = run_script(connection, f"explain (format json) select from {relation}")
    return int(plan["Plan"]["Plan Rows"])


def _read(reader: Reader, keys: KeyRange) -> tuple[int | None, pl.DataFrame, pl.DataFrame]:
    """Return the active model's number, the stored scores and the orders of a range."""
    with reader.snapshot():
        stored = reader.read("internal/reads/scores", first=keys.first, stop=keys.stop)
        orders = reader.read("internal/reads/orders", first=keys.first, stop=keys.stop)
    return (
        next(iter(stored["model"]), None),
        stored.select(pl.col(name).cast(kind) for name, kind in _STORED.items()),
        orders.with_columns(
            pl.col("ordered_at").cast(_ORDERS["ordered_at"]), exact(orders["amount"])
        ),
    )


def _compare(stored: pl.DataFrame, orders: pl.DataFrame, model: Model) -> pl.DataFrame:
    as_of = pl.col("last_scored_at")
    customers = stored.select("customer_id", "last_scored_at")
    expected = score_frame(summarize_orders(orders, as_of=as_of, customers=customers), model)
    return compare_scores(stored, expected).filter(~pl.col("agree")).drop("agree")
