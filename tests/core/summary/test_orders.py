"""Which orders count, and what their amounts add up to."""

from decimal import Decimal
from fractions import Fraction
from math import isfinite

import polars as pl
import pytest

import rfm
from rfm.orders.rules import UNCOUNTED_STATUSES
from tests.core import reference
from tests.core.strategies import AS_OF, order_frame, steps_in_memory
from tests.core.summary.support import (
    ENGINES,
    NUMBERS,
    assert_same,
    numbers,
    one_customer,
    summarize,
)


def alternating(word):
    return "".join(letter.upper() if place % 2 else letter for place, letter in enumerate(word))


@pytest.mark.parametrize("status", UNCOUNTED_STATUSES)
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title, alternating])
def test_an_uncounted_status_is_uncounted_in_any_case(status, case):
    frame = one_customer([AS_OF], status=case(status))
    assert summarize(frame).select(NUMBERS).row(0) == (None, 0, 0)


@pytest.mark.parametrize(
    "status",
    [
        None,
        "",
        "paid",
        "cancel",
        "void ",
        "void\n",
        "paid\nvoid",
        "avoid",
        "VOİD",
        "faıled",  # noqa: RUF001
        "Ünpaid",
    ],
)
def test_every_other_status_counts(status):
    frame = one_customer([AS_OF], status=pl.Series([status], dtype=pl.String))
    assert summarize(frame).select(NUMBERS).row(0) == (0, 1, 1)


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["Paid", "VOID"])])
def test_a_status_may_be_any_kind_of_text(dtype):
    frame = one_customer([AS_OF] * 3, status=pl.Series(["VOID", "Paid", None], dtype=dtype))
    assert summarize(frame)["frequency"].item() == 2


def test_a_status_may_be_missing_or_nothing_but_nulls():
    frame = one_customer([AS_OF])
    assert_same(summarize(frame), summarize(frame.with_columns(status=None)))


@pytest.mark.parametrize(
    ("amounts", "dtype", "summed"),
    [
        ([1, None, -3], pl.Int8, pl.Decimal(38, 0)),
        ([127] * 9, pl.Int8, pl.Decimal(38, 0)),
        ([2**64 - 1] * 3, pl.UInt64, pl.Decimal(38, 0)),
        ([10**38 - 1, -1, None], pl.Int128, pl.Decimal(38, 0)),
        ([None, None], pl.Null, pl.Decimal(38, 0)),
        ([Decimal("999.99")] * 3, pl.Decimal(5, 2), pl.Decimal(38, 2)),
        ([Decimal("9" * 38), Decimal(-1)], pl.Decimal(38, 0), pl.Decimal(38, 0)),
        ([Decimal("1e-38"), Decimal("0.5")], pl.Decimal(38, 38), pl.Decimal(38, 38)),
        ([0.5, 0.25], pl.Float32, pl.Float64),
        ([0.5, None, float("nan"), float("inf"), -float("inf")], pl.Float64, pl.Float64),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_money_keeps_its_kind_and_every_digit(engine, amounts, dtype, summed):
    frame = one_customer([AS_OF] * len(amounts), pl.Series(amounts, dtype=dtype))
    summary = summarize(frame.lazy()).collect(engine=engine)
    finite = [Fraction(amount) for amount in amounts if amount is not None and isfinite(amount)]
    assert summary.schema["monetary"] == summed
    assert Fraction(summary["monetary"].item()) == sum(finite)
    assert summary["frequency"].item() == len(amounts)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sum_beyond_all_digits_is_an_error_and_never_wraps_around(engine):
    amounts = pl.Series([Decimal("9" * 38)] * 2, dtype=pl.Decimal(38, 0))
    lazy = summarize(one_customer([AS_OF] * 2, amounts).lazy())
    with pytest.raises((rfm.InvalidFrame, pl.exceptions.ComputeError), match=r"38 digits|overflow"):
        lazy.collect(engine=engine)


def test_a_summary_has_one_schema_whatever_it_was_made_from():
    for frame in (one_customer([AS_OF]), one_customer([AS_OF]).clear()):
        for customers in (None, pl.Series(["ada"]), pl.Series([], dtype=pl.Null)):
            assert summarize(frame, customers=customers).schema == {
                "customer_id": pl.String,
                "last_order_at": pl.Datetime("us", "UTC"),
                "recency_days": pl.Int64,
                "frequency": pl.Int64,
                "monetary": pl.Decimal(38, 0),
            }


def test_a_frame_without_rows_or_types_has_an_empty_summary():
    empty = pl.DataFrame({"customer_id": [], "ordered_at": [], "amount": []})
    assert summarize(empty).is_empty()
    assert numbers(summarize(empty, customers=pl.Series([7]))) == {7: (None, 0, 0)}


def test_columns_go_by_the_names_that_the_caller_gives():
    rows = [reference.Order("ada", AS_OF, Decimal(5), "void"), reference.Order("bob", AS_OF, None)]
    frame = order_frame(rows)
    renamed = frame.rename(
        {"customer_id": "buyer", "ordered_at": "at", "amount": "total", "status": "state"}
    )
    keywords = {"customer_id": "buyer", "ordered_at": "at", "amount": "total", "status": "state"}
    assert_same(summarize(renamed, **keywords), summarize(frame))


def test_nothing_is_collected_behind_the_callers_back():
    def refuse(_):
        raise AssertionError

    plan = one_customer([AS_OF]).lazy().map_batches(refuse)
    ids = pl.LazyFrame({"customer_id": ["ada"], "now": [AS_OF]}).map_batches(refuse)
    summarize(plan)
    summarize(plan, pl.col("now"), customers=ids)


def test_a_summary_of_a_lazy_frame_streams():
    assert steps_in_memory(summarize(one_customer([AS_OF]).lazy())) == 0
