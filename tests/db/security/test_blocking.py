"""Applying and rolling back beside open transactions: nobody else waits for long, nothing is half done."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.db.schema.status import State
from rfm.errors import DatabaseBusy
from rfm.testing import temporary_database
from tests.support import run, session, wait_until

NAMES = [migration.name for migration in migrations() if not migration.opt_in]
LONGEST = "500ms"  # that anybody else waits for a lock
ROUNDS = 4  # of everybody else's statements beside a change that waits

WRITER = "insert into orders (customer_id, total_cents) select id, 100 from customers where email = 'ada'"
# as pg_dump: it keeps the tables, and its snapshot
READER = """
    begin isolation level repeatable read;
    lock table customers, orders, messages, deals in access share mode;
    select count(*) from orders;
"""
OPEN = {"writer": f"begin; {WRITER}", "reader": READER}
# what others do meanwhile; the open order holds its customer, Ada
SHORT = (
    "select count(*) from customers",
    "select count(*) from orders",
    "insert into orders (total_cents) values (1)",
    "update customers set full_name = 'Bob' where email = 'bob'",
)


@pytest.fixture(scope="module")
def levels(rfm_crm_template):
    """Name a database for each number of applied migrations, to be copied."""
    names = []
    databases = [temporary_database(rfm_crm_template) for _ in range(len(NAMES) + 1)]
    try:
        for number, database in enumerate(databases):
            engine = database.__enter__()
            run(engine, "insert into customers (email) values ('ada'), ('bob')")
            db.apply(engine)
            if number == 0:
                db.rollback(engine)
            elif number < len(NAMES):
                db.rollback(engine, to=NAMES[number - 1])
            names.append(engine.url.database)
        yield names
    finally:
        for database in databases:
            database.__exit__(None, None, None)


def is_waiting(engine):
    """True if a session of the database waits for a lock or for another's snapshot."""
    with engine.connect() as connection:
        return connection.scalar(
            text("""
            select exists (
                select from pg_stat_activity as a
                where
                    a.datname = current_database()
                    and a.pid <> pg_backend_pid()
                    and a.wait_event_type = 'Lock'
            )
        """)
        )


def live(engine):
    """Do what others do: each in a transaction of its own, none waiting for longer than LONGEST."""
    with session(engine, autocommit=True) as others:
        others.execute(f"set lock_timeout = '{LONGEST}'")
        for statement in SHORT:
            others.execute(statement)


def change_beside(engine, opened, change):
    """Run a change beside a transaction that ends after some rounds of everybody else's work."""
    with ThreadPoolExecutor(1) as pool, session(engine, autocommit=True) as open_one:
        open_one.execute(OPEN[opened])
        changing = pool.submit(change, engine)
        wait_until(lambda: changing.done() or is_waiting(engine))
        for _ in range(ROUNDS):
            live(engine)
        open_one.execute("commit")
        while not changing.done():
            live(engine)
        return changing.result()


def applied(engine):
    return [one.migration.name for one in db.status(engine) if one.state is State.APPLIED]


def there(engine):
    return [
        one.migration.name
        for one in db.status(engine)
        if one.state not in (State.MISSING, State.NOT_ENABLED)
    ]


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("number", range(len(NAMES)))
def test_nobody_waits_for_apply_beside_an_open_transaction(levels, number, opened):
    with temporary_database(levels[number]) as engine:
        change_beside(engine, opened, db.apply)
        assert applied(engine) == NAMES
        assert run(engine, "select failed, waiting from score_queued_customers()") == [(0, 0)]


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("number", range(1, len(NAMES) + 1))
def test_nobody_waits_for_a_rollback_beside_an_open_transaction(levels, number, opened):
    to = NAMES[number - 2] if number > 1 else None
    with temporary_database(levels[number]) as engine:
        change_beside(engine, opened, lambda engine: db.rollback(engine, to=to))
        assert there(engine) == applied(engine) == NAMES[: number - 1]


@pytest.mark.parametrize("number", [2, 4])
def test_a_rollback_that_gets_no_lock_changes_nothing_and_says_what_to_do(levels, number):
    with temporary_database(levels[number]) as engine:
        with session(engine) as reader:
            reader.execute("select count(*) from orders")
            with pytest.raises(DatabaseBusy, match="run the command again"):
                db.rollback(engine)
            assert applied(engine) == NAMES[:number]
        assert len(db.rollback(engine)) == number
