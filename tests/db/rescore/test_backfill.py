"""Backfill: it finds who is out of date, rescores exactly these, and gives way to everybody else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
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
from rfm.db.connect import run_script
from rfm.db.mapping.slots import plain
from rfm.db.reads.reader import ReaderError
from rfm.db.schema.migrations import migrations
from rfm.db.sql import read_sql
from rfm.errors import BackfillStopped, InvalidArgument
from rfm.testing import assert_scores_match, models, orders, temporary_database

RFM = Path(sys.executable).with_name("rfm")
CUSTOMERS = 60

FILL = f"""
insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 2500 * k, now() - (7 * c.email::int + k) * interval '1 day'
from customers c cross join generate_series(1, 4) as k where c.email::int % 3 > 0 and k <= c.email::int % 5;
"""


def dsn(engine):
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(engine, script):
    with engine.begin() as connection:
        cursor = run_script(connection, script)
        return cursor.fetchall() if cursor.description else []


def untriggered(engine, script):
    run(engine, f"set local session_replication_role = replica; {script}")


def scored_at(engine):
    return dict(run(engine, "select email, last_scored_at::text from customers"))


def assert_true_now(engine):
    assert run(engine, "select * from lead_score_drift()") == []
    assert run(engine, "select * from lead_score_drift(now())") == []
    assert_scores_match(engine)


@pytest.fixture
def crm(rfm_engine):
    run(rfm_engine, FILL)
    return rfm_engine


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
    untriggered(crm, f"{change} {where}")
    before = scored_at(crm)
    done = db.backfill(crm)
    assert (done.looked_at, done.rescored, done.reasons) == (CUSTOMERS, 3, {reason: 3})
    assert {email for email, at in scored_at(crm).items() if at != before[email]} == {"1", "4", "7"}
    assert_true_now(crm)


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
    assert_true_now(crm)


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
        untriggered(
            crm,
            "insert into orders (customer_id, total_cents, created_at)"
            f" select id, 9223372036854775807, '{instant}' from customers",
        )
    assert db.backfill(crm).rescored == CUSTOMERS
    assert db.backfill(crm).rescored == 0
    assert_true_now(crm)


def test_nobody_is_nobody(rfm_engine):
    done = db.backfill(rfm_engine)
    assert (done.customers, done.looked_at, done.finished) == (0, 0, True)


def test_ranges_batches_and_workers_divide_the_customers(crm):
    untriggered(crm, "update customers set lead_score = 0")
    seen = []
    pace = Pace(workers=3, batch=2, range_size=7)
    done = db.backfill(crm, pace, lambda so_far: seen.append(so_far.looked_at))
    assert (done.looked_at, done.rescored) == (CUSTOMERS, CUSTOMERS)
    assert seen == sorted(seen)
    assert len(seen) >= CUSTOMERS / 2
    assert_true_now(crm)


def test_who_moved_from_which_category_to_which_is_told(crm):
    db.activate(
        crm, db.store_model(crm, Model(frequency=[1, 2, 3, 4], recency=[500, 400, 300, 200]))
    )
    untriggered(crm, "update customers set lead_score = 0 where email in ('3', '1')")
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


@pytest.mark.parametrize("key", KEYS)
def test_any_type_of_key_will_do(key):
    def retyped(script):
        of_customers = (
            "create table public.customers (\n    id uuid primary key default gen_random_uuid()"
        )
        script = script.replace(
            of_customers, f"create table public.customers (\n    id {KEYS[key]}"
        )
        return plain(script).replace("customer_id uuid", f"customer_id {key}")

    with temporary_database() as engine:
        run(engine, retyped(read_sql("demo/base_tables")))
        for migration in migrations():
            run(engine, retyped(migration.script))
        run(engine, FILL)
        untriggered(engine, "update customers set lead_score = 7 where email::int < 40")
        done = db.backfill(engine, Pace(batch=5, range_size=9))
        assert done.looked_at == CUSTOMERS
        assert done.rescored == 39
        assert_true_now(engine)


def test_an_engine_that_was_made_in_another_way_will_do(crm):
    untriggered(crm, "update customers set lead_score = 0")
    made = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn(crm)), pool_size=5
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


# ---------------------------------------------------------------- beside others


def test_it_waits_for_the_writers_of_the_model_before(crm):
    with psycopg.connect(dsn(crm)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute(FILL.split(";", maxsplit=1)[0].replace("n::text", "(100 + n)::text"))
        writer.execute(
            "insert into orders (customer_id, total_cents) select id, 5000 from customers where email > '100'"
        )
        db.activate(crm, db.store_model(crm, Model(weights=(1, 1, 4))))
        running = pool.submit(db.backfill, crm)
        with pytest.raises(TimeoutError):
            running.result(timeout=0.5)
        writer.commit()
        assert running.result(timeout=10).looked_at == 2 * CUSTOMERS
    assert_true_now(crm)


def test_beside_live_orders_nothing_is_refused_and_nothing_drifts(crm):
    over = threading.Event()

    def sell():
        with psycopg.connect(dsn(crm), autocommit=True) as connection:
            while not over.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 4000 from customers order by random() limit 9"
                )

    with ThreadPoolExecutor(2) as pool:
        sales = [pool.submit(sell) for _ in range(2)]
        try:
            for weights in [(1, 1, 4), (2, 2, 2), (1, 4, 1), (3, 2, 1)]:
                db.activate(crm, db.store_model(crm, Model(weights=weights)))
                db.backfill(crm, Pace(batch=10, range_size=20))
        finally:
            over.set()
        for sale in sales:
            sale.result()
    assert_true_now(crm)


def test_a_locked_customer_is_waited_for(crm):
    untriggered(crm, "update customers set lead_score = 0")
    with psycopg.connect(dsn(crm)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select from customers where email = '9' for update")
        running = pool.submit(db.backfill, crm, Pace(lock_timeout=0.05))
        time.sleep(0.4)
        assert not running.done()
        other.rollback()
        assert running.result(timeout=30).rescored == CUSTOMERS
    assert_true_now(crm)


def test_a_customer_who_stays_locked_stops_it_and_what_was_done_stays(crm):
    untriggered(crm, "update customers set lead_score = 0")
    last = run(crm, "select id from customers order by id desc limit 1")[0][0]
    with psycopg.connect(dsn(crm)) as other:
        other.execute("select from customers where id = %s for update", [last])
        with pytest.raises(BackfillStopped, match="lock timeout") as stopped:
            db.backfill(crm, Pace(workers=1, batch=10, lock_timeout=0.01))
    assert "60 customers were looked at and 50 scored again, which stays so" in str(stopped.value)
    done = stopped.value.done
    assert isinstance(done, db.Backfill)
    assert (done.rescored, done.finished) == (50, False)
    assert db.backfill(crm).rescored == 10
    assert_true_now(crm)


def test_an_error_of_the_database_stops_it_at_once_with_what_was_done(crm):
    untriggered(crm, "update customers set lead_score = 0")
    untriggered(
        crm,
        """
        update customers set full_name = 'refused' where id = (select id from customers order by id desc limit 1);
        alter table customers add constraint c check (full_name <> 'refused') not valid
        """,
    )
    with pytest.raises(BackfillStopped, match='violates check constraint "c"') as stopped:
        db.backfill(crm, Pace(workers=1, batch=10))
    assert isinstance(stopped.value.done, db.Backfill)
    assert stopped.value.done.rescored == 50


def test_writers_who_do_not_end_stop_it_before_it_begins(crm):
    run(
        crm,
        "create or replace function wait_for_lead_score_writers(patience interval default '1 minute')"
        " returns void language plpgsql as $$begin raise exception 'still open'; end$$",
    )
    with pytest.raises(BackfillStopped, match=r"(?s)still open.*; 0 of 0 customers were looked at"):
        db.backfill(crm)


def test_it_refuses_where_the_trigger_does_not_run(crm):
    run(crm, "alter table customers disable trigger calculate_customer_lead_score")
    with pytest.raises(BackfillStopped, match="missing or disabled"):
        db.backfill(crm)


def test_killed_in_the_middle_it_is_taken_up_by_the_next_run(crm):
    untriggered(crm, "update customers set lead_score = 0, last_scored_at = null")
    command = [str(RFM), "db", "backfill", "--batch", "5", "--pause", "0.2", "--workers", "1"]
    with subprocess.Popen(
        command, env=os.environ | {"DATABASE_URL": dsn(crm)}, stderr=subprocess.DEVNULL
    ) as process:
        while not (before := {k: v for k, v in scored_at(crm).items() if v}):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    before = {email: at for email, at in scored_at(crm).items() if at}
    assert 0 < len(before) < CUSTOMERS
    done = db.backfill(crm)
    assert done.rescored == CUSTOMERS - len(before)
    assert scored_at(crm).items() >= before.items()
    assert_true_now(crm)


# ---------------------------------------------------------------- throttle


def test_a_pause_is_made_after_each_batch(crm):
    untriggered(crm, "update customers set lead_score = 0")
    done = db.backfill(crm, Pace(workers=1, batch=20, pause=0.2))
    assert done.seconds >= 0.6
    assert done.rescored == CUSTOMERS


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"workers": 0}, {"pause": -1}, {"lock_timeout": 0}, {"max_lag": float("nan")}],
)
def test_a_pace_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidArgument, match=f"1 problem: {next(iter(wrong))} is "):
        Pace(**wrong)


# ---------------------------------------------------------------- the law


STILL = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_after_a_backfill_every_score_is_true(rfm_engine, data):
    now = datetime.now(UTC)
    model = data.draw(models())
    # drawn for an instant that stands still, as Hypothesis asks, and moved to the present
    frame = data.draw(orders(STILL, model)).with_columns(pl.col("ordered_at") + (now - STILL))
    run(rfm_engine, "truncate customers, orders, messages, deals")
    db.activate(rfm_engine, db.store_model(rfm_engine, model))
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
    with psycopg.connect(dsn(rfm_engine)) as connection:
        if data.draw(st.booleans()):
            connection.execute("set session_replication_role = replica")
        connection.cursor().executemany(
            "insert into orders (customer_id, status, total_cents, created_at)"
            " select id, %s, %s, %s from customers where email = %s",
            rows,
        )
    db.backfill(rfm_engine, Pace(range_size=4, batch=2))
    assert_true_now(rfm_engine)
    assert db.backfill(rfm_engine).rescored == 0


# ---------------------------------------------------------------- the command


def test_json_is_one_object_on_standard_output(crm):
    untriggered(crm, "update customers set lead_score = 0, last_scored_at = null where email = '3'")
    done = subprocess.run(
        [RFM, "db", "backfill", "--json", "--dsn", dsn(crm)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told.pop("seconds") > 0
    assert told == {
        "customers": CUSTOMERS,
        "looked_at": CUSTOMERS,
        "rescored": 1,
        "changed": 1,
        "reasons": {"unscored": 1, "model": 0, "drifted": 0, "aged": 0},
        "moves": {"not scored": {"Cold": 1}},
        "finished": True,
    }
    assert done.stderr == ""


def test_json_tells_how_far_it_came_when_it_is_stopped(crm):
    run(crm, "alter table customers disable trigger calculate_customer_lead_score")
    done = subprocess.run(
        [RFM, "db", "backfill", "--json", "--dsn", dsn(crm)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["finished"] is False
    assert done.stderr.startswith("error: the trigger calculate_customer_lead_score")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--batch", "0"], ["--workers", "0"], ["--pause", "-1"]])
def test_a_bad_call_is_one_line(words):
    done = subprocess.run(
        [RFM, "db", "backfill", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 1 problem: ")
    assert done.stdout == ""
