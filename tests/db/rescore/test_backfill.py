"""Backfill finds exactly who is out of date, rescores them, and counts who moved."""

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from adbc_driver_postgresql import dbapi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from rfm import Model, db
from rfm.db import Pace
from rfm.db.reads.reader import ReaderError
from rfm.db.sql import read_sql
from rfm.testing import assert_scores_match, models, orders, temporary_database
from tests.db.rescore.sixty import CUSTOMERS, FILL, scored_at
from tests.support import address, assert_true_scores, past_triggers, run

RFM = Path(sys.executable).with_name("rfm")


OUTDATED = {
    "never scored": ("update customers set last_scored_at = null, lead_score = 0", "unscored"),
    "scored, but with null": ("update customers set lead_score = null", "unscored"),
    "forged": ("update customers set lead_score = lead_score + 1", "drifted"),
    "one score of the three forged": ("update customers set rfm_monetary = 4.5", "drifted"),
    "an order deleted": ("delete from orders", "drifted"),
    "an order of long ago added": (
        "insert into orders (customer_id, total_cents, created_at) select id, 100000, '2020-01-01' from customers",
        "drifted",
    ),
    "an order that came to count": (
        "insert into orders (customer_id, total_cents) select id, 100 from customers", "aged",
    ),
    "time": (
        "update customers set last_scored_at = last_scored_at - interval '1 year', lead_score = 6, rfm_recency = 1, rfm_frequency = 1, rfm_monetary = 1",
        "aged",
    ),
    "scored for ever": ("update customers set last_scored_at = 'infinity'", "unscored"),
    "scored before all time": ("update customers set last_scored_at = '-infinity'", "unscored"),
    "scored at the end of the calendar": (
        "update customers set last_scored_at = '294276-12-31'", "unscored",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), OUTDATED.values(), ids=OUTDATED.keys())
def test_exactly_who_is_out_of_date_is_rescored(crm, change, reason):
    table, key = ("orders", "customer_id") if " orders" in change else ("customers", "id")
    some = "select id from customers where email in ('1', '4', '7')"
    where = f"where customers.id in ({some})" if "insert" in change else f"where {key} in ({some})"
    assert table in change
    past_triggers(crm, f"{change} {where}")
    before = scored_at(crm)
    done = db.backfill(crm)
    assert (done.looked_at, done.rescored, done.reasons) == (CUSTOMERS, 3, {reason: 3})
    assert {email for email, at in scored_at(crm).items() if at != before[email]} == {"1", "4", "7"}
    assert_true_scores(crm)


def test_a_second_run_changes_nothing(crm):
    db.activate(crm, db.store_model(crm, Model(frequency=[1, 2, 3, 4], weights=(2, 2, 2))))
    assert db.backfill(crm).rescored > 0
    before = scored_at(crm)
    again = db.backfill(crm)
    assert (again.looked_at, again.rescored, again.changed, again.finished) == (
        CUSTOMERS, 0, 0, True,
    )  # fmt: skip
    assert scored_at(crm) == before


def test_after_a_change_of_model_those_are_rescored_whom_it_scores_otherwise(crm):
    db.activate(crm, db.store_model(crm, Model(frequency=[1, 2, 3, 4])))
    wrong = {row[0] for row in run(crm, "select customer_id from lead_score_drift()")}
    before = scored_at(crm)
    done = db.backfill(crm)
    assert done.reasons == {"model": len(wrong)}
    assert sum(at != before[email] for email, at in scored_at(crm).items()) == len(wrong) > 0
    assert_true_scores(crm)


def test_an_order_a_few_minutes_ahead_counts_and_is_no_reason(crm):
    run(
        crm,
        "insert into orders (customer_id, total_cents, created_at)"
        " select id, 100000, now() + interval '3 minutes' from customers",
    )
    assert db.backfill(crm).rescored == 0
    assert_scores_match(crm)


def test_infinite_instants_of_orders_do_not_fail_the_read(crm):
    for instant in ("-infinity", "infinity", "294276-12-31", "4713-01-01 BC"):
        past_triggers(
            crm,
            "insert into orders (customer_id, total_cents, created_at)"
            f" select id, 9223372036854775807, '{instant}' from customers",
        )
    assert db.backfill(crm).rescored == CUSTOMERS
    assert db.backfill(crm).rescored == 0
    assert_true_scores(crm)


def test_nobody_is_nobody(rfm_engine):
    done = db.backfill(rfm_engine)
    assert (done.customers, done.looked_at, done.finished) == (0, 0, True)


def test_ranges_batches_and_workers_divide_the_customers(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    seen = []
    pace = Pace(workers=3, batch=2, range_size=7)
    done = db.backfill(crm, pace, lambda so_far: seen.append(so_far.looked_at))
    assert (done.looked_at, done.rescored) == (CUSTOMERS, CUSTOMERS)
    assert seen == sorted(seen)
    assert len(seen) >= CUSTOMERS / 2
    assert_true_scores(crm)


def test_who_moved_from_which_category_to_which_is_told(crm):
    db.activate(
        crm, db.store_model(crm, Model(frequency=[1, 2, 3, 4], recency=[500, 400, 300, 200]))
    )
    past_triggers(crm, "update customers set lead_score = 0 where email in ('3', '1')")
    named = """
        select email, case when lead_score > 23 then 'Hot' when lead_score > 17 then 'Warm'
            when lead_score > 11 then 'Cool' when lead_score > 5 then 'Cold' else 'not scored' end
        from customers
    """
    before = dict(run(crm, named))
    touched_at = scored_at(crm)
    done = db.backfill(crm)
    after = dict(run(crm, named))
    touched = {email for email, at in scored_at(crm).items() if at != touched_at[email]}
    assert done.moves == Counter((before[one], after[one]) for one in touched)
    assert done.changed == sum(before[one] != after[one] for one in touched)
    assert done.moves["not scored", "Cold"] == 1


KEYS = {
    "bigint": "bigint primary key generated by default as identity",
    # whatever has to be quoted, and an order that is not the one of bytes
    "text": """text primary key default e'\\'{"a", \\\\ b%s}' || md5(random()::text)""",
}

MAPPING = """
[customers]
table = "customers"
key = "id"
key_type = "{key}"
email = "email"

[orders]
select = "select customer_id, created_at as ordered_at, total_cents * 0.01 as amount from public.orders"
tables = [{{ table = "orders", customer = "customer_id", ordered_at = "created_at" }}]

[[timeline]]
type = "order"
select = "select customer_id, created_at, id as activity_id, '{{}}'::jsonb as metadata from public.orders"
"""


@pytest.mark.parametrize("key", KEYS)
def test_any_type_of_key_will_do(key):
    tables = read_sql("demo/base_tables").replace(
        "create table public.customers (\n    id uuid primary key default gen_random_uuid()",
        f"create table public.customers (\n    id {KEYS[key]}",
    )
    with temporary_database() as engine:
        run(engine, tables.replace("customer_id uuid", f"customer_id {key}"))
        db.apply(engine, db.Mapping.parse(MAPPING.format(key=key)))
        run(engine, FILL)
        past_triggers(engine, "update customers set lead_score = 7 where email::int < 40")
        done = db.backfill(engine, Pace(batch=5, range_size=9))
        assert done.looked_at == CUSTOMERS
        assert done.rescored == 39
        assert_true_scores(engine)


def test_an_engine_that_was_made_in_another_way_will_do(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    made = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(address(crm)), pool_size=5
    )
    try:
        assert db.backfill(made).rescored == CUSTOMERS
        with made.connect() as connection:
            assert connection.scalar(text("show lock_timeout")) == "0"
            assert connection.scalar(text("show transaction_isolation")) == "read committed"
    finally:
        made.dispose()


def test_no_error_of_the_reader_tells_the_password():
    with pytest.raises(ReaderError) as error:
        dbapi.connect("user=crm password=SECRET host=127.0.0.1 port=1 dbname=crm")
    assert "SECRET" not in str(error.value)


STILL = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_after_a_backfill_every_score_is_true(rfm_engine, data):
    now = datetime.now(UTC)
    model = data.draw(models())
    # drawn for an instant that stands still, as Hypothesis asks, and moved to the present
    frame = data.draw(orders(STILL, model)).with_columns(pl.col("ordered_at") + (now - STILL))
    run(rfm_engine, "truncate customers, orders, messages, deals")
    db.activate(rfm_engine, db.store_model(rfm_engine, model), allow_dead_segments=True)
    run(rfm_engine, "insert into customers (email) select unnest('{a,b,c,d,e,f}'::text[])")
    rows = [
        (
            row["status"],
            row["amount"] and int(row["amount"] * 100),
            row["ordered_at"],
            row["customer_id"],
        )
        for row in frame.rows(named=True)
        # within five minutes an order counts, and lead_score_drift(now()) does not know it yet
        if not (row["ordered_at"] and now < row["ordered_at"] < now + timedelta(minutes=10))
    ]
    with psycopg.connect(address(rfm_engine)) as connection:
        if data.draw(st.booleans()):
            connection.execute("set session_replication_role = replica")
        connection.cursor().executemany(
            "insert into orders (customer_id, status, total_cents, created_at)"
            " select id, %s, %s, %s from customers where email = %s",
            rows,
        )
    db.backfill(rfm_engine, Pace(range_size=4, batch=2))
    assert_true_scores(rfm_engine)
    assert db.backfill(rfm_engine).rescored == 0
