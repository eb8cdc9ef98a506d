"""Instants: their types, zones and units, and the days between them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.core.strategies import AS_OF
from tests.core.summary.support import DAY, NUMBERS, assert_same, numbers, one_customer, summarize


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
