"""Orders and customers in partitions: they are scored, and a partition that comes or goes is found."""

import pytest

from rfm import db
from rfm.db.schema.status import State
from rfm.testing import assert_scores_match, temporary_database
from tests.support import APPLIED_BY_DEFAULT, assert_true_scores, drift, run

ADA = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"

ORDERS = """
    alter table orders rename to old_orders;
    create table orders (like old_orders including defaults) partition by range (created_at);
    create table orders_before partition of orders for values from (minvalue) to ('2020-01-01');
    create table orders_now partition of orders for values from ('2020-01-01') to (maxvalue);
    drop table old_orders;
"""
CUSTOMERS = """
    drop table deals, messages, orders, customers cascade;
    create table customers (
        id uuid primary key default gen_random_uuid(), email text, full_name text, created_at timestamptz,
        updated_at timestamptz
    ) partition by hash (id);
    create table customers_0 partition of customers for values with (modulus 2, remainder 0);
    create table customers_1 partition of customers for values with (modulus 2, remainder 1);
    create table orders (
        id uuid primary key default gen_random_uuid(), customer_id uuid references customers (id), status text,
        total_cents bigint, currency text, event_name text, created_at timestamptz default now()
    );
    create table messages (
        id uuid primary key default gen_random_uuid(), customer_id uuid, channel text, direction text, subject text,
        created_at timestamptz default now()
    );
    create table deals (
        id uuid primary key default gen_random_uuid(), customer_id uuid, title text, stage text, value_cents bigint,
        created_at timestamptz default now(), closed_at timestamptz
    );
"""
SCRIPTS = {"orders": ORDERS, "customers": CUSTOMERS, "both": CUSTOMERS + ORDERS}


@pytest.fixture(scope="module", params=SCRIPTS)
def template(request, rfm_crm_template):
    with temporary_database(rfm_crm_template) as engine:
        run(engine, SCRIPTS[request.param])
        assert len(db.apply(engine)) == len(APPLIED_BY_DEFAULT)
        run(engine, f"insert into customers (id) values ('{ADA}'), ('{BOB}')")
        run(
            engine,
            "insert into orders (customer_id, total_cents, created_at)"
            " select id, 30000, day from customers, unnest('{2019-01-01,2026-01-01}'::timestamptz[]) as day",
        )
        yield engine.url.database


@pytest.fixture
def crm(template):
    with temporary_database(template) as engine:
        yield engine


def frequencies(engine):
    return run(engine, "select rfm_frequency from customers order by id")


def test_the_migrations_are_applied_and_a_second_apply_does_nothing(crm):
    assert {one.state for one in db.status(crm)} == {State.APPLIED, State.NOT_ENABLED}
    assert db.apply(crm) == []
    run(crm, "select refresh_customer_activity_timeline()")
    assert [check for check in db.verify(crm) if not check.passed] == []


def test_what_is_written_to_the_partitioned_table_is_scored(crm):
    assert frequencies(crm) == [(2,), (2,)]
    run(
        crm,
        f"insert into orders (customer_id, total_cents) values ('{ADA}', 1);"
        f"delete from orders where customer_id = '{BOB}' and created_at < '2020-01-01';"
        # from one partition to another
        f"update orders set created_at = '2025-01-01' where customer_id = '{ADA}' and created_at < '2020-01-01'",
    )
    assert frequencies(crm) == [(3,), (2,)]
    assert_true_scores(crm)
    run(crm, "truncate orders")
    assert frequencies(crm) == [(1,), (1,)]
    assert_true_scores(crm)


def test_the_migrations_are_undone(crm):
    assert len(db.rollback(crm)) == len(APPLIED_BY_DEFAULT)
    assert {one.state for one in db.status(crm)} == {State.MISSING, State.NOT_ENABLED}
    run(crm, f"insert into orders (customer_id, total_cents) values ('{ADA}', 1)")


# ---------------------------------------------------------------- partitions that come and go

CHANGES = {
    "truncated": "truncate orders_before",
    "detached": "alter table orders detach partition orders_before",
    "dropped": "drop table orders_before",
    "attached": """
        create table more (like orders_before);
        insert into more (id, customer_id, total_cents, created_at)
        select gen_random_uuid(), id, 90000, '2019-06-01' from customers;
        insert into more select * from orders_before;
        alter table orders detach partition orders_before;
        alter table orders attach partition more for values from (minvalue) to ('2020-01-01');
    """,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_partition_that_comes_or_goes_is_found_by_the_next_run(rfm_crm_template, change):
    with temporary_database(rfm_crm_template) as engine:
        run(engine, ORDERS)
        db.apply(engine)
        run(engine, f"insert into customers (id) values ('{ADA}'), ('{BOB}')")
        run(
            engine,
            "insert into orders (customer_id, total_cents, created_at)"
            " select id, 30000, day from customers, unnest('{2019-01-01,2026-01-01}'::timestamptz[]) as day",
        )
        db.rescore_stale(engine)
        assert db.rescore_stale(engine) == 0
        run(engine, change)
        assert len(drift(engine)) > 0  # no trigger fired
        assert db.rescore_stale(engine) == 2
        assert drift(engine) == []
        assert_scores_match(engine)
        assert db.rescore_stale(engine) == 0
