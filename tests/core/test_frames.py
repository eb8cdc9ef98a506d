"""Every producer of an Arrow stream is accepted where a DataFrame is."""

from datetime import datetime
from decimal import Decimal

import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rfm
from rfm.warehouse.example import example_orders
from tests.core.summary.support import assert_same

ROWS = pa.table(
    {
        "customer_id": ["ada", "ada", "bob"],
        "ordered_at": pa.array([datetime(2025, 1, 1), datetime(2025, 1, 9), datetime(2025, 1, 5)]),
        "amount": pa.array([Decimal("20.50"), Decimal(35), None], pa.decimal128(10, 2)),
        "status": ["paid", "Refunded", None],
    }
)
AS_OF = datetime(2025, 1, 31)
PRODUCERS = {
    "pyarrow": lambda: ROWS,
    "record batches": ROWS.to_reader,
    "pandas": lambda: ROWS.to_pandas(types_mapper=pd.ArrowDtype),
    "duckdb": lambda: duckdb.from_arrow(ROWS),
    "ibis": lambda: ibis.memtable(ROWS).to_pyarrow(),
}


@pytest.mark.parametrize("producer", PRODUCERS.values(), ids=PRODUCERS)
def test_each_producer_gives_the_scores_of_a_polars_frame(producer):
    expected = rfm.summarize_orders(pl.DataFrame(ROWS), as_of=AS_OF)
    summary = rfm.summarize_orders(producer(), as_of=AS_OF)
    assert_same(summary, expected)
    assert rfm.inspect(producer(), as_of=AS_OF).counted == 2


@pytest.mark.parametrize("convert", [pl.DataFrame.to_arrow, pl.DataFrame.to_pandas])
def test_summaries_of_other_libraries_are_fitted_and_scored(convert):
    summary = rfm.summarize_orders(pl.DataFrame(ROWS), as_of=AS_OF)
    other = convert(summary.with_columns(pl.col("recency_days", "frequency")))
    assert rfm.fit(other) == rfm.fit(summary)
    assert_same(
        rfm.score_frame(other, rfm.PUBLISHED).select("customer_id", "lead_score"),
        rfm.score_frame(summary, rfm.PUBLISHED).select("customer_id", "lead_score"),
    )


@pytest.mark.parametrize(
    "customers",
    [
        pa.table({"customer_id": ["bob", "eve"]}),
        pd.Series(["bob", "eve"]),
        pl.Series(["bob", "eve"]),
    ],
)
def test_customers_may_come_from_other_libraries(customers):
    found = rfm.summarize_orders(ROWS, as_of=AS_OF, customers=customers)
    assert set(found["customer_id"]) == {"bob", "eve"}


def test_pandas_floats_and_nat_are_what_they_mean():
    frame = pd.DataFrame(
        {"customer_id": [1, 1], "ordered_at": [AS_OF, None], "amount": [2.5, float("nan")]}
    )
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
    summary = rfm.summarize_orders(frame, as_of=AS_OF)
    assert summary.select("recency_days", "frequency", "monetary").row(0) == (0, 1, 2.5)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (
            [{"customer_id": 1}],
            r"orders is a list, not a frame; pass pl.DataFrame\(orders\) instead",
        ),
        ({"customer_id": [1]}, r"orders is a dict, not a frame"),
        (pl.Series([1]), r"orders is a Series, not a frame"),
        (example_orders(), None),
    ],
)
def test_the_rest_is_refused_with_the_call_that_converts_it(frame, says):
    if says is None:
        assert rfm.inspect(frame, as_of=AS_OF).rows
        return
    with pytest.raises(rfm.InvalidFrame, match=says):
        rfm.summarize_orders(frame, as_of=AS_OF)


def scores_of(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame | pl.LazyFrame:
    """Is what callers write: mypy checks that a union is accepted, and what each kind returns."""
    eager: pl.DataFrame = rfm.summarize_orders(frame.lazy().collect(), as_of=AS_OF)
    lazy: pl.LazyFrame = rfm.summarize_orders(frame.lazy(), as_of=AS_OF)
    assert rfm.score_frame(lazy, rfm.PUBLISHED).collect().height == eager.height
    return rfm.score_frame(rfm.summarize_orders(frame, as_of=AS_OF), rfm.PUBLISHED)


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame])
def test_a_callers_own_union_of_frames_is_accepted(kind):
    frame = pl.DataFrame(ROWS)
    assert isinstance(scores_of(frame if kind is pl.DataFrame else frame.lazy()), kind)
