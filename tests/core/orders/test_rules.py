"""Which rows count and what they are worth, by the caller's rules."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given

import rfm
from rfm.errors import InvalidArgument
from tests.core.strategies import AS_OF, order_frame, orders
from tests.core.summary.support import ENGINES, assert_same, numbers, one_customer, summarize


def test_lines_of_an_order_are_one_order_at_its_newest_line():
    frame = one_customer(
        [AS_OF - timedelta(9), AS_OF - timedelta(3), AS_OF - timedelta(5)],
        [Decimal("1.10"), Decimal("2.20"), Decimal(4)],
        invoice=["a", "a", "b"],
    )
    assert numbers(summarize(frame, order_id="invoice")) == {"ada": (3, 2, Decimal("7.30"))}


def test_one_order_number_of_two_customers_is_two_orders_and_null_is_no_number():
    frame = pl.DataFrame(
        {"customer_id": ["a", "b", "b", "b"], "invoice": [1, 1, None, None], "amount": 1}
    ).with_columns(ordered_at=pl.lit(AS_OF))
    found = numbers(summarize(frame, order_id="invoice"))
    assert found == {"a": (0, 1, 1), "b": (0, 3, 3)}


def test_a_line_that_does_not_count_adds_nothing_to_its_order():
    frame = one_customer(
        [AS_OF - timedelta(1), AS_OF, AS_OF + timedelta(1)], [1, 2, 4],
        status=["paid", "void", "paid"], invoice=[7, 7, 7],
    )  # fmt: skip
    assert numbers(summarize(frame, order_id="invoice")) == {"ada": (1, 1, 1)}


@given(orders)
def test_orders_split_into_lines_have_the_same_summary(rows):
    frame = order_frame(rows).with_row_index("invoice")
    half = (pl.col("amount") / 2).cast(frame.schema["amount"])
    one = frame.with_columns(half.alias("amount"))
    other = frame.with_columns(pl.col("amount") - half)
    lines = pl.concat([one, other])
    assert_same(
        summarize(lines.sample(fraction=1, shuffle=True, seed=1), order_id="invoice").with_columns(
            pl.col("monetary").cast(pl.Decimal(38, 2))
        ),
        summarize(frame).with_columns(pl.col("monetary").cast(pl.Decimal(38, 2))),
    )


def test_each_customer_may_have_an_instant_of_their_own_with_lines_too():
    frame = one_customer([AS_OF, AS_OF - timedelta(2)], [1, 2], invoice=[1, 1])
    customers = pl.DataFrame({"customer_id": ["ada"], "joined": [AS_OF - timedelta(1)]})
    found = summarize(frame, pl.col("joined"), customers=customers, order_id="invoice")
    assert numbers(found) == {"ada": (1, 1, 2)}


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [("order", (0, 2, 6)), ("net", (5, 1, 6)), ("ignore", (5, 1, 10))],
)
def test_a_refund_is_what_the_caller_says(refunds, expected):
    frame = one_customer([AS_OF - timedelta(5), AS_OF], [10, -4])
    assert numbers(summarize(frame, refunds=refunds)) == {"ada": expected}


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [("order", (0, 2, 6)), ("net", (5, 1, 6)), ("ignore", (5, 1, 8))],
)
def test_a_refund_is_an_order_whose_lines_add_up_to_less_than_nothing(refunds, expected):
    days = [AS_OF - timedelta(5)] * 2 + [AS_OF] * 2
    frame = one_customer(days, [10, -2, 1, -3], invoice=[1, 1, 2, 2])
    assert numbers(summarize(frame, refunds=refunds, order_id="invoice")) == {"ada": expected}


def test_a_customer_with_refunds_alone_has_no_order():
    assert numbers(summarize(one_customer([AS_OF], -4), refunds="net")) == {"ada": (None, 0, -4)}


@pytest.mark.parametrize(
    ("amounts", "quantities", "total"),
    [
        ([Decimal("2.55"), Decimal("0.10")], [3, 2], Decimal("7.85")),
        ([Decimal("2.555")], [Decimal("1.25")], Decimal("3.19375")),
        ([7], [3], Decimal(21)),
        ([2.5], [3], 7.5),
        ([Decimal(5), Decimal(5)], [None, -1], Decimal(-5)),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_quantity_multiplies_the_price_exactly(engine, amounts, quantities, total):
    frame = one_customer([AS_OF] * len(amounts), amounts, pieces=quantities)
    found = summarize(frame.lazy(), quantity="pieces").collect(engine=engine)
    assert found["monetary"].item() == total


@pytest.mark.parametrize(
    "status", ["returned", "Returned ", " RETURNED", "chargeback", "VOID", "void "]
)
def test_more_statuses_may_not_count(status):
    frame = one_customer([AS_OF], status=status)
    found = summarize(frame, uncounted_statuses=["Returned", "chargeback "])
    assert numbers(found) == {"ada": (None, 0, 0)}
    assert numbers(summarize(one_customer([AS_OF], status="paid"), uncounted_statuses=["x"])) == {
        "ada": (0, 1, 1)
    }


def test_null_and_blank_customers_are_left_out_when_asked():
    frame = pl.DataFrame({"customer_id": ["a", None, " ", ""], "amount": 1}).with_columns(
        ordered_at=pl.lit(AS_OF)
    )
    assert set(numbers(summarize(frame, drop_null_customers=True))) == {"a"}
    assert set(numbers(summarize(frame.lazy(), drop_null_customers=True).collect())) == {"a"}


@pytest.mark.parametrize("excluded", [["b", "z"], pl.Series(["b"]), {"b"}])
def test_excluded_customers_are_in_no_result(excluded):
    frame = pl.DataFrame({"customer_id": ["a", "b"], "amount": 1}).with_columns(
        ordered_at=pl.lit(AS_OF)
    )
    assert set(numbers(summarize(frame, exclude_customers=excluded))) == {"a"}
    with_all = summarize(frame, exclude_customers=excluded, customers=pl.Series(["a", "b"]))
    assert numbers(with_all)["b"] == (None, 0, 0)


CURRENCIES = pl.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c"],
        "ordered_at": [date(2025, 1, 10), date(2025, 2, 10), date(2025, 1, 1), date(2025, 1, 1)],
        "amount": [Decimal("10.10"), Decimal(20), Decimal(30), Decimal(1)],
        "money": ["EUR", "USD", "USD", None],
    }
)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_currencies_are_refused(engine):
    plan = summarize(CURRENCIES.lazy(), currency="money")
    with pytest.raises(rfm.InvalidFrame) as error:
        plan.collect(engine=engine)
    assert str(error.value) == (
        "several currencies in one column of amounts: 'EUR', 'USD'; "
        'select one with `in_currency="EUR"`, or pass `rates`'
    )
    assert summarize(CURRENCIES.filter(pl.col("money") == "EUR"), currency="money").height == 1


def test_one_currency_is_selected():
    found = numbers(summarize(CURRENCIES, currency="money", in_currency="USD"))
    assert {name: row[1:] for name, row in found.items()} == {
        "a": (1, 20),
        "b": (1, 30),
        "c": (0, 0),
    }


RATES = pl.DataFrame(
    {
        "currency": ["USD", "USD"],
        "rate": [Decimal("0.5"), Decimal("0.75")],
        "valid_from": [date(2025, 1, 1), date(2025, 2, 10)],
    }
)


@pytest.mark.parametrize("engine", ENGINES)
def test_amounts_are_converted_with_the_rate_of_their_day_exactly(engine):
    plan = summarize(CURRENCIES.lazy(), currency="money", in_currency="EUR", rates=RATES)
    found = numbers(plan.collect(engine=engine))
    assert {name: row[1:] for name, row in found.items()} == {
        "a": (2, Decimal("25.10")), "b": (1, 15), "c": (0, 0),
    }  # fmt: skip


def test_an_order_without_a_rate_is_an_error():
    late = RATES.filter(pl.col("rate") == Decimal("0.75"))
    with pytest.raises(
        rfm.InvalidFrame, match=r"'USD' has none that is valid on 2025-01-01; add it"
    ):
        summarize(CURRENCIES, currency="money", in_currency="EUR", rates=late)


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        (RATES.drop("rate"), "1 column missing from rates: 'rate'"),
        (RATES.with_columns(rate=0.5), "'rate' is Float64, not an integer or Decimal"),
        (RATES.with_columns(rate=0), "2 rates of 0 or less"),
        (RATES.with_columns(valid_from=date(2025, 1, 1)), "1 currency with two rates"),
        (RATES.with_columns(currency=pl.lit(None, pl.String)), "2 rows of rates with a null"),
    ],
)
def test_a_table_of_rates_is_checked(rates, says):
    with pytest.raises(rfm.InvalidFrame, match=says):
        summarize(CURRENCIES, currency="money", in_currency="EUR", rates=rates)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"refunds": "minus"}, "`refunds` is 'minus'; use 'order', 'net' or 'ignore'"),
        ({"uncounted_statuses": "void"}, "`uncounted_statuses` is one text"),
        ({"in_currency": "EUR"}, "`in_currency` has no effect without `currency`"),
        ({"currency": "status", "rates": RATES}, "`rates` has no effect without `in_currency`"),
    ],
)
def test_rules_without_effect_are_refused(options, says):
    with pytest.raises(InvalidArgument, match=says):
        summarize(one_customer([datetime(2025, 1, 1, tzinfo=UTC)]), **options)
