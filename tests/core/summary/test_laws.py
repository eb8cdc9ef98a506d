"""What holds for all orders."""

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core import reference
from tests.core.strategies import AS_OF, moments, money, names, order_frame, orders
from tests.core.summary.support import (
    DAY,
    EARLIEST,
    ENGINES,
    assert_same,
    numbers,
    one_customer,
    summarize,
)

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(orders)
def test_a_summary_is_what_plain_python_makes_of_the_orders(rows):
    assert numbers(summarize(order_frame(rows))) == reference.summarize(rows, AS_OF)


@given(orders, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, randoms):
    shuffled = randoms.sample(rows, len(rows))
    assert_same(summarize(order_frame(rows)), summarize(order_frame(shuffled)))


@given(orders)
@pytest.mark.parametrize("engine", ENGINES)
def test_lazy_equals_eager(engine, rows):
    lazy = summarize(order_frame(rows).lazy())
    assert_same(lazy.collect(engine=engine), summarize(order_frame(rows)))
    assert lazy.collect_schema() == summarize(order_frame(rows)).schema


@given(orders, moments)
def test_orders_after_as_of_change_no_number(rows, as_of):
    known = [row for row in rows if row.ordered_at is not None and row.ordered_at <= as_of]
    everything = numbers(summarize(order_frame(rows), as_of))
    assert {**everything, **numbers(summarize(order_frame(known), as_of))} == everything


@given(orders, st.integers(0, 400))
def test_every_day_that_passes_adds_one_to_recency(rows, passed):
    frame = order_frame(rows).filter(pl.col("ordered_at") <= AS_OF)
    later = numbers(summarize(frame, AS_OF + timedelta(days=passed)))
    for name, (days, count, spend) in numbers(summarize(frame)).items():
        assert later[name] == (None if days is None else days + passed, count, spend)


@given(orders, names, moments, money)
def test_one_more_counted_order_adds_to_each_number(rows, name, moment, amount):
    moment = min(moment, AS_OF)
    days, count, spend = numbers(summarize(order_frame(rows))).get(name, (None, 0, 0))
    more = [*rows, reference.Order(name, moment, amount)]
    new_days = (AS_OF - moment) // timedelta(days=1)
    expected = (new_days if days is None else min(days, new_days), count + 1, spend + amount)
    assert numbers(summarize(order_frame(more)))[name] == expected


@given(orders, st.sets(names | st.text(max_size=3)))
def test_customers_are_exactly_those_asked_for(rows, chosen):
    found = numbers(
        summarize(order_frame(rows), customers=pl.Series(list(chosen), dtype=pl.String))
    )
    everybody = numbers(summarize(order_frame(rows)))
    assert found == {name: everybody.get(name, (None, 0, 0)) for name in chosen}


@given(orders, st.dictionaries(names, st.none() | moments))
def test_each_customer_can_have_an_instant_of_their_own(rows, instants):
    schema = pl.Schema({"customer_id": pl.String(), "joined": pl.Datetime("us", "UTC")})
    customers = pl.DataFrame(list(instants.items()), schema=schema, orient="row")
    found = numbers(summarize(order_frame(rows), pl.col("joined"), customers=customers))
    assert found == {
        name: (None, 0, 0)
        if instant is None
        else numbers(summarize(order_frame(rows), instant)).get(name, (None, 0, 0))
        for name, instant in instants.items()
    }


@given(orders)
def test_an_instant_in_the_orders_equals_one_in_the_customers(rows):
    frame = order_frame(rows).filter(pl.col("ordered_at").is_not_null())
    newest = frame.group_by("customer_id").agg(newest=pl.col("ordered_at").max())
    assert_same(
        summarize(frame, pl.col("ordered_at").max().over("customer_id")),
        summarize(frame, pl.col("newest"), customers=newest),
    )


@given(st.lists(INT64 | st.integers(EARLIEST - 9, EARLIEST + 9), min_size=1), INT64)
def test_days_are_right_for_all_instants_that_a_frame_can_hold(instants, as_of):
    ordered_at = pl.Series(instants, dtype=pl.Int64).cast(pl.Datetime("us"))
    frame = one_customer(ordered_at).with_columns(now=pl.lit(as_of).cast(pl.Datetime("us")))
    [(days, count, _)] = numbers(summarize(frame, pl.col("now"))).values()
    # before PostgreSQL's earliest instant all is -infinity
    counted = [
        instant for instant in instants if instant <= as_of or max(instant, as_of) < EARLIEST
    ]
    newest = max(counted, default=EARLIEST - 1)
    assert count == len(counted)
    assert days == (None if newest < EARLIEST else (as_of - newest) // DAY)


@given(st.lists(INT64, min_size=1))
@pytest.mark.parametrize(
    ("unit", "size"), [("ms", Decimal(1000)), ("us", 1), ("ns", Decimal("0.001"))]
)
def test_a_unit_of_time_changes_nothing_but_its_precision(unit, size, instants):
    ordered_at = pl.Series(instants, dtype=pl.Int64).cast(pl.Datetime(unit))
    [(_, count, _)] = numbers(summarize(one_customer(ordered_at))).values()
    now = int(AS_OF.timestamp()) * 1_000_000
    assert count == sum(instant * size < now + 1 for instant in instants)


@given(st.lists(INT64, min_size=1))
def test_integers_add_up_exactly(amounts):
    frame = one_customer(pl.Series([AS_OF] * len(amounts)), pl.Series(amounts, dtype=pl.Int64))
    assert summarize(frame)["monetary"].item() == sum(map(Decimal, amounts))
