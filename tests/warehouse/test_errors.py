"""Every error counts, lists, and says what to do."""

import subprocess
import sys
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import polars as pl
import pytest

import rfm
from rfm import warehouse
from rfm.errors import MissingExtra
from tests.warehouse.engines import fetch
from tests.warehouse.strategies import AS_OF
from tests.warehouse.support import (
    ORDERS,
    duckdb_table,
    one_customer,
)


def test_all_missing_columns_are_named_at_once():
    with pytest.raises(rfm.InvalidFrame) as error:
        warehouse.score_orders(
            duckdb_table(pl.DataFrame({"customer_id": [1], "x": 1})), as_of=AS_OF
        )
    assert str(error.value) == (
        "2 columns missing from orders: 'ordered_at', 'amount' (found: 'customer_id', 'x'); "
        'name yours, for example `customer_id="buyer"`'
    )


def test_all_wrong_types_are_named_at_once():
    bad = {"customer_id": [1.5], "ordered_at": ["2025"], "amount": [True], "status": [1]}
    with pytest.raises(
        rfm.InvalidFrame, match=r"^4 columns of the wrong type in orders: "
    ) as error:
        warehouse.summarize_orders(duckdb_table(pl.DataFrame(bad)), as_of=AS_OF)
    for found in (
        "'customer_id' is float64, not an integer, text or another flat and exact type: cast",
        "'ordered_at' is string, not a date or timestamp: parse",
        "'amount' is boolean, not an integer, decimal or float: cast",
        "'status' is int64, not text: cast",
    ):
        assert found in str(error.value)


def test_null_ids_are_counted(engine):
    frame = pl.DataFrame({"customer_id": ["a", None, None], "ordered_at": AS_OF, "amount": 1})
    with pytest.raises(rfm.InvalidFrame) as error:
        warehouse.summarize_orders(engine.load(frame), as_of=AS_OF)
    assert str(error.value) == (
        "2 rows of orders without 'customer_id'; leave them out with .drop_null('customer_id')"
    )
    table = engine.load(frame).drop_null("customer_id")
    assert fetch(warehouse.summarize_orders(table, as_of=AS_OF))["customer_id"].to_list() == ["a"]


def test_a_column_without_nulls_is_not_searched_for_them():
    connection = ibis.duckdb.connect()
    schema = ibis.schema(
        {"customer_id": dt.Int64(nullable=False), "ordered_at": "timestamp", "amount": "int64"}
    )
    table = connection.create_table("orders", schema=schema)
    connection.drop_table("orders")  # no query can be run
    warehouse.score_orders(table, as_of=AS_OF, model=rfm.PUBLISHED)


def test_a_named_status_has_to_be_there():
    with pytest.raises(rfm.InvalidFrame, match=r"1 column missing from orders: 'state'"):
        warehouse.summarize_orders(duckdb_table(one_customer([AS_OF])), as_of=AS_OF, status="state")


def test_anything_but_an_ibis_table_is_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"^orders is a DataFrame, not an Ibis table; get"):
        warehouse.summarize_orders(one_customer([AS_OF]), as_of=AS_OF)


def test_an_engine_whose_instants_are_not_known_is_refused():
    table = ibis.polars.connect({"orders": one_customer([AS_OF])}).table("orders")
    with pytest.raises(rfm.InvalidFrame, match=r"^orders are in polars, .* 'duckdb', .*; copy"):
        warehouse.summarize_orders(table, as_of=AS_OF)


def test_a_table_of_no_engine_is_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"^orders are in no engine, .*; get them with"):
        warehouse.summarize_orders(
            ibis.table(ORDERS, name="orders"), as_of=AS_OF, ordered_at="zoned"
        )


@pytest.mark.parametrize("as_of", ["2026-11-01", None, pl.lit(1)])
def test_an_as_of_must_be_an_instant(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"not a datetime or a date; parse text"):
        warehouse.score_orders(duckdb_table(one_customer([AS_OF])), as_of=as_of)


def test_a_model_must_be_a_model():
    unchecked: Any = {}
    with pytest.raises(rfm.InvalidModel, match=r"model is a dict, not an rfm\.Model"):
        warehouse.score_orders(duckdb_table(one_customer([AS_OF])), as_of=AS_OF, model=unchecked)


def test_a_table_must_be_a_summary():
    with pytest.raises(
        rfm.InvalidFrame, match=r"^2 columns missing from summary: .*rfm.warehouse.summarize_orders"
    ):
        warehouse.fit(duckdb_table(pl.DataFrame({"frequency": [1]})))


def test_without_ibis_the_error_names_the_extra():
    code = "import sys; sys.modules['ibis'] = None\nimport rfm\nimport rfm.warehouse"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert MissingExtra.__name__ in done.stderr
    assert "pip install 'rfm-scoring[warehouse]'" in done.stderr


def test_an_unknown_keyword_is_refused_with_the_known_ones():
    unchecked: Any = warehouse.score_orders
    with pytest.raises(TypeError, match=r"^1 unknown keyword: 'buyer'; .* 'customer_id', 'ordered"):
        unchecked(duckdb_table(one_customer([AS_OF])), as_of=AS_OF, buyer="id")
