"""Every way in which rows can be written leaves true scores."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.testing import assert_scores_match, temporary_database
from tests.support import address, assert_true_scores, failed_facts, program, run

A = "00000000-0000-4000-8000-00000000000a"
B = "00000000-0000-4000-8000-00000000000b"


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        f"""
            insert into customers (id) values ('{A}'), ('{B}');
            insert into orders (customer_id, total_cents) values ('{A}', 7000), ('{A}', 70000), ('{B}', 100);
            """,
    )
    yield rfm_engine
    assert_true_scores(rfm_engine)


def frequencies(engine):
    return dict(run(engine, "select id::text, rfm_frequency from customers"))


WRITES = {
    "move": (f"update orders set customer_id = '{B}'", {A: 1, B: 3}),
    "truncate": ("truncate orders", {A: 1, B: 1}),
    "truncate cascade": ("truncate customers cascade", {}),
    "delete": (f"delete from orders where customer_id = '{A}'", {A: 1, B: 2}),
    "delete of the customer": (f"delete from customers where id = '{A}'", {B: 2}),
    "upsert": (
        (
            "insert into orders (id, customer_id) select id, customer_id from orders"
            " on conflict (id) do update set status = 'refunded'"
        ),
        {A: 1, B: 1},
    ),
    "merge": (
        f"""
        merge into orders o using (values ('{B}'::uuid)) s (id) on o.customer_id = s.id
        when matched then delete
        """,
        {A: 2, B: 1},
    ),
    "merge that inserts": (
        f"""
        merge into orders o using (select '{B}'::uuid as id from generate_series(1, 4)) s on false
        when not matched then insert (customer_id) values (s.id)
        """,
        {A: 2, B: 4},
    ),
    "set null": (
        (
            "alter table orders drop constraint orders_customer_id_fkey, add foreign key (customer_id)"
            " references customers (id) on delete set null;"
            f"delete from customers where id = '{A}'"
        ),
        {B: 2},
    ),
    "another id": (
        (
            "alter table orders drop constraint orders_customer_id_fkey, add foreign key (customer_id)"
            " references customers (id) on update cascade;"
            f"update customers set id = '{A[:-1]}c' where id = '{A}'"
        ),
        {f"{A[:-1]}c": 2, B: 2},
    ),
    "orders before their customer": (
        (
            "alter table orders alter constraint orders_customer_id_fkey deferrable;"
            "set constraints all deferred;"
            f"insert into orders (customer_id) values ('{A[:-1]}d'), ('{A[:-1]}d'), ('{A[:-1]}d');"
            f"insert into customers (id) values ('{A[:-1]}d')"
        ),
        {A: 2, B: 2, f"{A[:-1]}d": 3},
    ),
    "a rule of order in one statement": (
        (
            f"with gone as (delete from orders returning customer_id)"
            f" insert into orders (customer_id) select '{B}' from gone"
        ),
        {A: 1, B: 3},
    ),
}


@pytest.mark.parametrize(("write", "expected"), WRITES.values(), ids=WRITES.keys())
def test_scores_follow(crm, write, expected):
    run(crm, write)
    assert frequencies(crm) == expected


def test_scores_follow_copy(crm):
    with crm.begin() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy("copy orders (customer_id, total_cents) from stdin") as copy:
            for _ in range(9):
                copy.write_row((B, 100))
    assert frequencies(crm) == {A: 2, B: 5}


def test_scores_follow_a_partitioned_orders_table():
    with temporary_database() as engine:
        base = Path(__file__).parents[3] / "sql" / "demo" / "base_tables.sql"
        script = (
            base.read_text()
            .replace(
                "    id uuid primary key default gen_random_uuid(),\n    customer_id uuid references public.customers (id) on delete cascade,\n    status",
                "    id uuid default gen_random_uuid(),\n    customer_id uuid references public.customers (id) on delete cascade,\n    status",
            )
            .replace(
                "    event_name text,\n    created_at timestamptz default now()\n);",
                "    event_name text,\n    created_at timestamptz default now()\n) partition by hash (customer_id);\n"
                "create table orders_0 partition of public.orders for values with (modulus 2, remainder 0);\n"
                "create table orders_1 partition of public.orders for values with (modulus 2, remainder 1);",
            )
        )
        run(engine, script)
        for migration in migrations():
            run(engine, migration.script)
        run(engine, f"insert into customers (id) values ('{A}'), ('{B}')")
        run(engine, f"insert into orders (customer_id) values ('{A}'), ('{B}'), ('{A}')")
        run(engine, f"update orders set customer_id = '{B}' where customer_id = '{A}'")
        assert frequencies(engine) == {A: 1, B: 3}
        assert_scores_match(engine)


def test_an_order_that_no_trigger_saw_is_found(crm):
    run(crm, "alter table orders disable trigger user")
    run(crm, f"insert into orders (customer_id) values ('{A}')")
    run(crm, "alter table orders enable trigger user")
    assert any(fact.startswith("No order has come") for fact in failed_facts(crm))
    db.backfill(crm)


def test_an_order_in_the_last_year_of_the_calendar_breaks_no_proof(crm):
    run(
        crm, f"insert into orders (customer_id, created_at) values ('{A}', '294276-12-31 23:59:59')"
    )
    assert_scores_match(crm)


def test_writes_past_the_triggers_are_drift_and_one_statement_repairs_it(crm):
    run(crm, "set session_replication_role = replica; delete from orders")
    assert len(run(crm, "select * from lead_score_drift()")) == 2
    db.backfill(crm)
    assert frequencies(crm) == {A: 1, B: 1}


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"])
def test_days_are_24_hours_in_every_time_zone_and_over_both_clock_changes(crm, zone, day):
    """Thirty days before a moment around a clock change, to the microsecond, in local time."""
    run(crm, "delete from orders")
    with crm.begin() as connection:
        connection.exec_driver_sql(f"set local timezone = '{zone}'")
        connection.exec_driver_sql("alter table customers disable trigger user")
        connection.exec_driver_sql(
            f"""
            insert into orders (customer_id, created_at) values
            ('{A}', timestamptz '{day} 12:00' - interval '744 hours'),
            ('{B}', timestamptz '{day} 12:00' - interval '744 hours' + interval '1 microsecond')
            """
        )
        connection.exec_driver_sql("update customers set lead_score = -1")
        rows = connection.exec_driver_sql(
            "select customer_id::text, expected_rfm_recency"
            f" from lead_score_drift(timestamptz '{day} 12:00')"
        ).all()
        connection.exec_driver_sql("alter table customers enable trigger user")
        connection.exec_driver_sql("update customers set lead_score = 0")
    assert dict(rows) == {A: 4, B: 5}


TOUCHED = {
    f"array['{A}']::uuid[]": {A},
    f"'[0:0]={{{A}}}'::uuid[]": {A},
    f"array[['{A}'], ['{B}']]::uuid[]": {A, B},
    f"array[['{A}']]::uuid[]": {A},
    f"array['{B}', null, '{A}', '{B}']::uuid[]": {A, B},
    "array[null]::uuid[]": set(),
    "array[]::uuid[]": set(),
}


@pytest.mark.parametrize(("ids", "touched"), TOUCHED.items())
def test_a_touch_takes_any_array_and_scores_whom_it_names(crm, ids, touched):
    before = dict(run(crm, "select id::text, last_scored_at from customers"))
    run(crm, f"select touch_lead_scores({ids})")
    after = dict(run(crm, "select id::text, last_scored_at from customers"))
    assert {key for key in after if after[key] != before[key]} == touched


# ---------------------------------------------------------------- dump and restore


def restore(engine, dump):
    environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
    subprocess.run(
        [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address(engine)],
        input=dump.replace("SET transaction_timeout = 0;", ""),  # PostgreSQL 15 does not know it
        env=environment,
        text=True,
        check=True,
        capture_output=True,
    )


def dumped(engine, *options):
    return subprocess.run(
        [program("pg_dump"), "--no-owner", *options, address(engine)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_restored_dump_has_the_same_scores_and_goes_on_scoring(crm):
    dump = dumped(crm)
    with temporary_database() as engine:
        run(engine, "drop schema public cascade; create schema public")
        restore(engine, dump.replace("CREATE SCHEMA public;", ""))
        assert run(engine, "select * from lead_score_drift()") == []
        run(engine, f"insert into orders (customer_id) values ('{B}'), ('{B}')")
        assert frequencies(engine) == {A: 2, B: 3}
        run(engine, "select refresh_customer_activity_timeline()")
        assert_scores_match(engine)


def test_a_data_only_restore_ends_with_true_scores(crm, rfm_template):
    dump = dumped(crm, "--data-only", "--table", "customers", "--table", "orders")
    with temporary_database(rfm_template) as engine:
        restore(engine, dump)
        assert_scores_match(engine)
        assert frequencies(engine) == {A: 2, B: 2}


def test_a_timeline_restored_without_data_is_filled_by_the_refresh_function(crm):
    run(crm, "refresh materialized view customer_activity_timeline with no data")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        run(crm, "select count(*) from customer_activity_timeline")
    run(crm, "select refresh_customer_activity_timeline()")
    assert run(crm, "select count(*) from customer_activity_timeline") == [(3,)]
