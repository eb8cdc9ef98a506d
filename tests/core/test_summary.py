import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rfm
from rfm.summary import UNCOUNTED_STATUSES
from tests.core import reference
from tests.core.strategies import AS_OF, moments, money, names, order_frame, orders, steps_in_memory

NUMBERS = ["recency_days", "frequency", "monetary"]
ENGINES = ["in-memory", "streaming"]
INT64 = st.integers(-(2**63), 2**63 - 1)
DAY = 86_400_000_000
EARLIEST = -2_440_588 * DAY


def summarize(frame, as_of=AS_OF, **keywords):
    return rfm.summarize_orders(frame, as_of=as_of, **keywords)


def numbers(summary):
    columns = ["customer_id", *NUMBERS]
    return {row[0]: row[1:] for row in summary.lazy().select(columns).collect().rows()}


def assert_same(one, other):
    """Equal but for the order of the rows."""
    assert_frame_equal(one, other, check_row_order=False)


def one_customer(ordered_at, amount=1, **columns):
    """Orders of a single customer."""
    data = {"ordered_at": ordered_at, "amount": amount, **columns}
    return pl.DataFrame(data).with_columns(customer_id=pl.lit("ada"))


# ---------------------------------------------------------------- laws


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


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("ordered_at", "days"),
    [
        (datetime(2025, 6, 1, 12), 0),  # as_of itself
        (datetime(2025, 5, 31, 12, 0, 0, 1), 0),
        (datetime(2025, 5, 31, 12), 1),
        (datetime(2025, 5, 31, 11, 59, 59, 999_999), 1),
        (datetime(2024, 6, 1, 12), 365),
        (datetime(2025, 6, 1, 12, 0, 0, 1), None),  # a microsecond too late
        (date(2025, 6, 1), 0),  # its midnight
        (date(2025, 5, 31), 1),
        (date(2025, 6, 2), None),
        (None, None),
    ],
)
def test_recency_is_whole_days_up_to_as_of(ordered_at, days):
    frame = one_customer([ordered_at])
    assert summarize(frame)["recency_days"].item() == days
    assert summarize(frame)["frequency"].item() == (days is not None)


@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2025, 6, 1, tzinfo=UTC),
        datetime(2025, 6, 1),
        datetime(2025, 6, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo")),
        datetime(2025, 5, 31, 19, tzinfo=timezone(timedelta(hours=-5))),
        date(2025, 6, 1),
        pl.lit(date(2025, 6, 1)),
        pl.lit(datetime(2025, 6, 1)),
        pl.lit(datetime(2025, 6, 1, 2, tzinfo=ZoneInfo("Europe/Berlin"))),
    ],
)
def test_one_instant_may_be_written_in_many_ways(as_of):
    late = datetime(2025, 6, 1, 0, 0, 0, 1)
    frame = one_customer([datetime(2025, 6, 1), datetime(2025, 5, 30), late])
    assert summarize(frame, as_of).row(0)[1:] == (datetime(2025, 6, 1, tzinfo=UTC), 0, 2, 2)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/St_Johns"])
def test_zoned_and_naive_orders_of_the_same_instant_are_the_same(zone):
    naive = one_customer([datetime(2025, 5, 1, 3), datetime(2025, 3, 9, 7)])
    zoned = naive.with_columns(
        pl.col("ordered_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    )
    assert_same(summarize(naive), summarize(zoned))


def test_nanoseconds_are_cut_off_as_postgresql_cuts_them():
    now = int(AS_OF.timestamp()) * 1_000_000_000
    ordered_at = pl.Series([now + 999, now - DAY * 1000 - 1]).cast(pl.Datetime("ns"))
    summary = summarize(one_customer(ordered_at))
    assert summary.select("last_order_at", "frequency").row(0) == (AS_OF, 2)
    assert summarize(one_customer(ordered_at[1:]))["recency_days"].item() == 1


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("ms"), pl.Datetime("us")])
def test_a_newest_order_at_minus_infinity_counts_but_has_no_recency(dtype):
    instant = pl.Series([-(2**31)]).cast(dtype) if dtype == pl.Date else pl.Series([-(2**63)])
    summary = summarize(one_customer(instant.cast(dtype)))
    assert summary.select(NUMBERS).row(0) == (None, 1, 1)
    assert "-4713-11-23" in str(summary)  # an instant that Polars can print


def test_a_null_instant_counts_nothing():
    frame = one_customer([AS_OF]).with_columns(now=pl.lit(None, pl.Date))
    assert summarize(frame, pl.col("now")).select(NUMBERS).row(0) == (None, 0, 0)


def test_a_literal_instant_needs_no_column_of_the_customers():
    summary = summarize(one_customer([AS_OF]), pl.lit(AS_OF), customers=pl.Series(["ada", "bob"]))
    assert numbers(summary) == {"ada": (0, 1, 1), "bob": (None, 0, 0)}


def test_an_instant_is_read_from_the_orders_where_the_customers_lack_it():
    frame = one_customer([AS_OF]).with_columns(now=pl.lit(AS_OF))
    summary = summarize(frame, pl.col("now"), customers=pl.Series(["ada", "bob"]))
    assert numbers(summary) == {"ada": (0, 1, 1), "bob": (None, 0, 0)}


# ---------------------------------------------------------------- status


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


# ---------------------------------------------------------------- money


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


# ---------------------------------------------------------------- customers


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series(["ada", "李小龙", "🦊"]),
        pl.Series([str(uuid.UUID(int=number)) for number in range(3)]),
        pl.Series([1, 2, 3]),
        pl.Series([2**63, 2**64 - 1, 0], dtype=pl.UInt64),
        pl.Series(["a", "b", "c"], dtype=pl.Categorical),
        pl.Series(["a", "b", "c"], dtype=pl.Enum(["c", "b", "a"])),
        pl.Series([b"a", b"b", b"\x00"]),
        pl.Series([date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]),
        pl.Series([Decimal("1.5"), Decimal(2), Decimal(3)]),
    ],
)
def test_ids_may_be_of_any_flat_and_exact_type(ids):
    first, second, third = ids
    buyers = pl.concat([ids[:2], ids[:1]])
    frame = pl.DataFrame({"customer_id": buyers, "ordered_at": [AS_OF] * 3, "amount": [1, 2, 4]})
    found = summarize(frame)
    assert found.schema["customer_id"] == ids.dtype
    assert numbers(found) == {first: (0, 2, 5), second: (0, 1, 2)}
    assert numbers(summarize(frame, customers=ids[1:])) == {second: (0, 1, 2), third: (None, 0, 0)}


@pytest.mark.parametrize(
    ("ordered", "known"),
    [
        (pl.Int64, pl.Int8),
        (pl.UInt8, pl.Int64),
        (pl.Int32, pl.UInt64),
    ],
)
def test_integer_ids_of_unlike_widths_are_compared(ordered, known):
    ids = pl.Series([1, 2, 200], dtype=ordered)
    frame = pl.DataFrame({"customer_id": ids, "ordered_at": [AS_OF] * 3, "amount": [1, 2, 4]})
    found = summarize(frame, customers=pl.Series([2, 3], dtype=known))
    assert numbers(found) == {2: (0, 1, 2), 3: (None, 0, 0)}
    assert found.schema["customer_id"] == known


@pytest.mark.parametrize("ordered", [pl.String, pl.Categorical, pl.Enum(["a", "b"])])
@pytest.mark.parametrize("known", [pl.String, pl.Categorical, pl.Enum(["z", "b"])])
def test_text_ids_of_unlike_types_are_compared(ordered, known):
    ids = pl.Series(["a", "b"], dtype=ordered)
    frame = pl.DataFrame({"customer_id": ids, "ordered_at": [AS_OF] * 2, "amount": [1, 2]})
    found = summarize(frame, customers=pl.Series(["b", "z"], dtype=known))
    assert numbers(found) == {"b": (0, 1, 2), "z": (None, 0, 0)}
    assert found.schema["customer_id"] == known


def test_customers_may_be_a_frame_or_a_lazy_frame_with_more_columns():
    frame = one_customer([AS_OF]).rename({"customer_id": "buyer"})
    customers = pl.DataFrame({"buyer": ["ada", "bob"], "email": ["a@x", "b@x"]})
    for asked in (customers, customers.lazy(), customers["buyer"].alias("other")):
        found = summarize(frame, customers=asked, customer_id="buyer")
        assert numbers(found) == {"ada": (0, 1, 1), "bob": (None, 0, 0)}


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


# ---------------------------------------------------------------- errors

BAD = pl.DataFrame({"customer_id": [1.5], "ordered_at": ["2025"], "amount": [True], "status": [1]})
NAMELESS = pl.DataFrame({"customer_id": ["a", None, None], "ordered_at": [AS_OF] * 3, "amount": 1})


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


def test_what_is_no_frame_is_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"orders is a list, not a Polars frame"):
        summarize([{"customer_id": 1}])


def test_a_null_id_is_refused_at_once_with_its_rows():
    with pytest.raises(rfm.InvalidFrame) as error:
        summarize(NAMELESS)
    assert str(error.value) == (
        "2 rows of orders without 'customer_id', at index 1, 2; "
        "leave them out with .drop_nulls('customer_id')"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "later", [lambda x: x, lambda x: x.select("frequency"), lambda x: x.head(1)]
)
def test_a_null_id_of_a_lazy_frame_is_refused_when_collected(engine, later):
    plan = later(summarize(NAMELESS.lazy()))
    with pytest.raises(rfm.InvalidFrame, match=r"^at least 2 rows of orders without a cust"):
        plan.collect(engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_null_id_is_refused_even_where_its_order_does_not_count(engine):
    orders = one_customer([AS_OF], status="void").with_columns(customer_id=pl.lit(None, pl.String))
    with pytest.raises(rfm.InvalidFrame, match=r"^at least 1 row of orders without a customer"):
        summarize(orders.lazy()).collect(engine=engine)


def test_an_id_that_fits_no_customer_is_no_null():
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


def test_an_order_whose_id_fits_no_customer_is_nobodys():
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
def test_an_as_of_that_is_no_instant_is_refused(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"not a datetime, a date or a Polars expression; "):
        summarize(one_customer([AS_OF]), as_of)


@pytest.mark.parametrize("as_of", [pl.lit("2025-06-01"), pl.lit(None), pl.col("amount")])
def test_an_as_of_expression_that_yields_no_instant_is_refused(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"^as_of yields .*, not a Date or Datetime; parse"):
        summarize(one_customer([AS_OF]), as_of)


def test_as_of_is_never_a_hidden_now():
    unchecked: Any = rfm.summarize_orders
    with pytest.raises(TypeError, match=r"as_of"):
        unchecked(one_customer([AS_OF]))
