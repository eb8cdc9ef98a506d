"""Every error counts, lists, and says what to do."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

import rfm
from tests.core.strategies import AS_OF
from tests.core.summary.support import ENGINES, numbers, one_customer, summarize

BAD = pl.DataFrame({"customer_id": [1.5], "ordered_at": ["2025"], "amount": [True], "status": [1]})
WITHOUT_IDS = pl.DataFrame(
    {"customer_id": ["a", None, None], "ordered_at": [AS_OF] * 3, "amount": 1}
)


def test_all_missing_columns_are_named_at_once():
    with pytest.raises(rfm.InvalidFrame) as error:
        summarize(pl.DataFrame({"customer_id": ["a"], "total": [1]}), pl.col("now"))
    assert str(error.value) == (
        "3 columns missing from orders: 'now', 'ordered_at', 'amount' "
        "(found: 'customer_id', 'total'); name yours, for example `customer_id=\"buyer\"`"
    )


@pytest.mark.parametrize("frame", [BAD, BAD.lazy()])
def test_all_wrong_types_are_named_at_once_lazy_or_not(frame):
    with pytest.raises(
        rfm.InvalidFrame, match=r"^4 columns of the wrong type in orders: "
    ) as error:
        summarize(frame)
    for found in (
        "'customer_id' is Float64, not an integer, text or another flat and exact type: cast",
        "'ordered_at' is String, not a Date or Datetime: parse",
        "'amount' is Boolean, not an integer, Decimal or float: cast",
        "'status' is Int64, not text: cast",
    ):
        assert found in str(error.value)


def test_a_named_status_has_to_be_there():
    with pytest.raises(rfm.InvalidFrame, match=r"1 column missing from orders: 'state'"):
        summarize(one_customer([AS_OF]), status="state")


def test_anything_but_a_frame_is_refused():
    with pytest.raises(
        rfm.InvalidFrame,
        match=r"orders is a list, not a frame; pass pl.DataFrame\(orders\) instead",
    ):
        summarize([{"customer_id": 1}])


def test_a_null_id_is_refused_at_once_with_its_rows():
    with pytest.raises(rfm.InvalidFrame) as error:
        summarize(WITHOUT_IDS)
    assert str(error.value) == (
        "2 rows of orders without 'customer_id', at index 1, 2; "
        "leave them out with .drop_nulls('customer_id')"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "later", [lambda x: x, lambda x: x.select("frequency"), lambda x: x.head(1)]
)
def test_a_null_id_of_a_lazy_frame_is_refused_when_collected(engine, later):
    plan = later(summarize(WITHOUT_IDS.lazy()))
    with pytest.raises(rfm.InvalidFrame, match=r"^at least 2 rows of orders without a cust"):
        plan.collect(engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_null_id_is_refused_even_where_its_order_does_not_count(engine):
    orders = one_customer([AS_OF], status="void").with_columns(customer_id=pl.lit(None, pl.String))
    with pytest.raises(rfm.InvalidFrame, match=r"^at least 1 row of orders without a customer"):
        summarize(orders.lazy()).collect(engine=engine)


def test_an_id_that_fits_no_customer_is_not_taken_for_null():
    frame = pl.DataFrame({"customer_id": [1, 300], "ordered_at": [AS_OF] * 2, "amount": [1, 2]})
    found = summarize(frame.lazy(), customers=pl.Series([1], dtype=pl.Int8)).collect()
    assert numbers(found) == {1: (0, 1, 1)}


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame])
def test_null_and_repeated_customers_are_refused(kind):
    with pytest.raises(rfm.InvalidFrame) as error:
        summarize(one_customer([AS_OF]), customers=kind({"customer_id": ["b", "a", None, "b"]}))
    assert str(error.value) == (
        "1 row of customers without 'customer_id', at index 2; "
        "leave them out with .drop_nulls('customer_id')\n"
        "1 customer on more than one row of customers: 'b'; "
        "keep one row each, for example with .unique('customer_id')"
    )


def test_ids_that_cannot_be_compared_are_refused():
    with pytest.raises(
        rfm.InvalidFrame, match=r"'customer_id' is String in orders and Int64 in cust"
    ):
        summarize(one_customer([AS_OF]), customers=pl.Series([1]))


def test_an_order_whose_id_fits_no_customer_is_left_out():
    orders = pl.DataFrame(
        {"customer_id": [1, 300, 301], "ordered_at": [AS_OF, AS_OF, AS_OF - timedelta(1)]}
    ).with_columns(amount=1)
    known = pl.Series([1], dtype=pl.Int8)
    summary = summarize(orders, pl.col("ordered_at"), customers=known)
    assert summary.select("customer_id", "frequency").rows() == [(1, 1)]


def test_customers_without_the_id_column_are_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"1 column missing from customers: 'customer_id'"):
        summarize(one_customer([AS_OF]), customers=pl.DataFrame({"id": ["ada"]}))


@pytest.mark.parametrize("engine", ENGINES)
def test_more_than_one_instant_for_a_customer_is_refused(engine):
    plan = summarize(one_customer([AS_OF, AS_OF - timedelta(1)]).lazy(), pl.col("ordered_at"))
    with pytest.raises(rfm.InvalidFrame, match=r"1 customer with more than one as_of: 'ada'; give"):
        plan.collect(engine=engine)


@pytest.mark.parametrize("as_of", ["2025-06-01", 20250601, 1.5, None, timedelta(1), pl.Series([1])])
def test_an_as_of_must_be_an_instant(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"not a datetime, a date or a Polars expression; "):
        summarize(one_customer([AS_OF]), as_of)


@pytest.mark.parametrize("as_of", [pl.lit("2025-06-01"), pl.lit(None), pl.col("amount")])
def test_an_as_of_expression_must_return_an_instant(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"^as_of returns .*, not a Date or Datetime; parse"):
        summarize(one_customer([AS_OF]), as_of)


def test_as_of_is_never_a_hidden_now():
    unchecked: Any = rfm.summarize_orders
    with pytest.raises(TypeError, match=r"as_of"):
        unchecked(one_customer([AS_OF]))


def test_an_unknown_keyword_is_refused_with_the_known_ones():
    unchecked: Any = rfm.summarize_orders
    with pytest.raises(TypeError) as error:
        unchecked(one_customer([AS_OF]), as_of=AS_OF, customer="id", date="day")
    assert str(error.value) == (
        "2 unknown keywords: 'customer', 'date'; the columns of the orders are named by "
        "'customer_id', 'ordered_at', 'amount', 'status', and the other keywords are 'order_id', "
        "'quantity', 'currency', 'in_currency', 'rates', 'uncounted_statuses', 'refunds', "
        "'drop_null_customers', 'exclude_customers'"
    )
