"""What the tests of the warehouse share."""

from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.datatypes as dt
import polars as pl
from polars.testing import assert_frame_equal

import rfm
from rfm import warehouse
from tests.warehouse.engines import fetch
from tests.warehouse.strategies import AS_OF

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
NUMBERS = ["recency_days", "frequency", "monetary"]

INSTANTS = [
    AS_OF,
    AS_OF + MICROSECOND,
    AS_OF - DAY,
    AS_OF - DAY + MICROSECOND,
    AS_OF - DAY - MICROSECOND,
    # in the session's zone these fall into hours that do not exist, or exist twice
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 2, 30, tzinfo=UTC),
    datetime(2025, 11, 2, 1, 30, 0, 1, tzinfo=UTC),
    datetime(2025, 11, 2, 4, 30, tzinfo=UTC),
    # before 1970, and before there were time zones
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1700, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    None,
]

ORDERS = {
    "customer_id": "int64",
    "zoned": dt.Timestamp("UTC"),
    "naive": dt.timestamp,
    "day": dt.date,
    "amount": "decimal(12, 2)",
    "float": "float64",
    "status": "string",
}


def one_customer(ordered_at, amount=1, **columns):
    frame = pl.DataFrame({"ordered_at": ordered_at, "amount": amount, **columns})
    return frame.with_columns(customer_id=pl.lit("ada"))


def each_their_own(**columns):
    """Orders of as many customers as there are rows."""
    return pl.DataFrame(columns).with_row_index("customer_id").cast({"customer_id": pl.Int64})


def same_as_polars(engine, frame, as_of=AS_OF, model=rfm.PUBLISHED, **names):
    """Score in the engine, and return the scores once they are known to be those of Polars."""
    scores = fetch(warehouse.score_orders(engine.load(frame), as_of=as_of, model=model, **names))
    summary = rfm.summarize_orders(frame, as_of=as_of, **names)
    if model is not None or summary["frequency"].sum():
        expected = rfm.score_frame(summary, model)
        if not expected["customer_id"].dtype.is_integer():
            assert scores.schema == expected.schema
        assert_frame_equal(scores, expected, check_row_order=False, check_dtypes=False)
    return scores.sort("customer_id")


def duckdb_table(frame):
    return ibis.duckdb.connect().create_table("orders", frame)
