"""Instants of every type, in sessions far from UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import rfm
from rfm import warehouse
from tests.warehouse.engines import fetch
from tests.warehouse.strategies import AS_OF
from tests.warehouse.support import INSTANTS, each_their_own, same_as_polars


@pytest.mark.parametrize(
    "kind", [pl.Datetime("us", "UTC"), pl.Datetime("us"), pl.Datetime("ms", "Asia/Tokyo"), pl.Date]
)
def test_an_instant_is_the_same_in_every_type_and_session(engine, kind):
    utc = pl.Series(INSTANTS, dtype=pl.Datetime("us", "UTC"))
    zone = getattr(kind, "time_zone", None)
    moved = utc.dt.convert_time_zone(zone) if zone else utc.dt.replace_time_zone(None)
    same_as_polars(engine, each_their_own(ordered_at=moved.cast(kind), amount=1))


@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2026, 3, 8, 6, 0, tzinfo=UTC),
        datetime(2026, 3, 8, 6, 0),
        datetime(2026, 3, 8, 15, 0, tzinfo=timezone(timedelta(hours=9))),
        date(2026, 3, 8),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=9))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_as_of_may_be_written_in_many_ways(engine, as_of):
    same_as_polars(engine, each_their_own(ordered_at=INSTANTS, amount=1), as_of)


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_infinite_instants_earn_no_recency(engines, name, kind):
    engine = engines(name)
    engine.run(f"""
        create or replace view eternal as
        select 1 as customer_id, cast('-infinity' as {kind}) as ordered_at, 5 as amount
        union all select 2, cast('infinity' as {kind}), 5
    """)
    table = engine.connection.table("eternal")
    summary = warehouse.summarize_orders(table, as_of=AS_OF).order_by("customer_id")
    assert summary.to_polars().drop("last_order_at").rows() == [(1, None, 1, 5), (2, None, 0, 0)]
    engine.run("drop view eternal")


def test_nanoseconds_are_cut_off(engines):
    engine = engines("duckdb")
    engine.run("""
        create or replace table fine as select * from (values
            (1, timestamp_ns '2026-11-01 12:00:00.000005999', 1),
            (2, timestamp_ns '2026-11-01 12:00:00.000006000', 1),
            (3, timestamp_ns '2026-10-31 12:00:00.000005999', 1),
            (4, timestamp_ns '1969-12-31 23:59:59.999999999', 1)
        ) as t (customer_id, ordered_at, amount)
    """)
    table = engine.connection.table("fine")
    frame = table.to_polars()
    assert frame.schema["ordered_at"] == pl.Datetime("ns")
    found = fetch(warehouse.summarize_orders(table, as_of=AS_OF))
    expected = rfm.summarize_orders(frame, as_of=AS_OF)
    assert_frame_equal(found, expected, check_row_order=False)
