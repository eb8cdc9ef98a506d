"""100,000 scored orders of 5,000 customers: the dead row versions that they leave are used again.

An hour of a busy shop in a minute: 28 orders a second would be an hour's, and autovacuum looks every
second instead of every minute. All its other settings are those of a PostgreSQL as it comes.
"""

import random
import time

import pytest

from rfm import db
from rfm.db.connect import connect
from rfm.demo.embedded import start_server
from rfm.testing import assert_scores_match
from tests.support import create_base_tables, run, run_alone, session

CUSTOMERS = 5_000
ORDERS = 100_000
SECONDS = 60

pytestmark = pytest.mark.slow


@pytest.fixture
def engine():
    """A server of our own: how often autovacuum looks is a setting of the whole server."""
    engine = connect(start_server())
    run_alone(engine, "alter system set autovacuum_naptime = '1s'", "select pg_reload_conf()")
    create_base_tables(engine)
    run(
        engine,
        "insert into customers (email, full_name) select n || '@example.com', 'Customer ' || n"
        f" from generate_series(1, {CUSTOMERS}) as n",
    )
    db.apply(engine)
    db.backfill(engine)
    run_alone(engine, "vacuum full analyze customers")  # as small as it can be
    return engine


def sizes(connection):
    """Return the bytes of the table, and those of its indexes."""
    statement = "select pg_table_size('customers'), pg_indexes_size('customers')"
    return connection.execute(statement).fetchall()[0]


def sell(connection):
    """Write the orders in batches of 1 to 99, each order of another customer, evenly over the time."""
    dice, started, sold = random.Random(100), time.monotonic(), 0
    ids = [row[0] for row in connection.execute("select id from customers")]
    while sold < ORDERS:
        batch = dice.sample(ids, min(dice.randint(1, 99), ORDERS - sold))
        connection.execute(
            "insert into orders (customer_id, total_cents)"
            " select customer_id, (random() * 20000)::int from unnest(%s::uuid[]) as customer_id",
            [batch],
        )
        sold += len(batch)
        time.sleep(max(0, started + SECONDS * sold / ORDERS - time.monotonic()))


def test_a_hundred_thousand_scores_leave_the_table_less_than_twice_as_big(engine):
    with session(engine, autocommit=True) as connection:
        table, indexes = sizes(connection)
        sell(connection)
        grown_table, grown_indexes = sizes(connection)
        updates, hot, vacuums = connection.execute(
            "select n_tup_upd, n_tup_hot_upd, autovacuum_count from pg_stat_user_tables"
            " where relname = 'customers'"
        ).fetchall()[0]
    both = (grown_table + grown_indexes) / (table + indexes)
    print(
        f"\n{updates:,} updates, {hot:,} of them HOT, {vacuums} autovacuums: the table grew from"
        f" {table:,} to {grown_table:,} bytes ({grown_table / table:.2f} times),"
        f" its indexes from {indexes:,} to {grown_indexes:,}, both {both:.2f} times"
    )
    assert updates >= ORDERS
    assert vacuums > 0
    assert grown_table <= 2 * table
    assert both <= 2.5  # a fresh index is packed; one in use has its pages two thirds full
    assert_scores_match(engine)
