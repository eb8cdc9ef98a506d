"""100,000 scored orders of 5,000 customers: the dead row versions that they leave are used again.

An hour of a busy shop in a minute: 28 orders a second would be an hour's, and autovacuum looks every
second instead of every minute. All its other settings are those of a PostgreSQL as it comes.
"""

import random
import time

import psycopg
import pytest

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.sql import read_sql
from rfm.demo.embedded import start_server
from rfm.testing import assert_scores_match

CUSTOMERS = 5_000
ORDERS = 100_000
SECONDS = 60

pytestmark = pytest.mark.slow


@pytest.fixture
def engine():
    """A server of our own: how often autovacuum looks is a setting of the whole server."""
    engine = connect(start_server())
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("alter system set autovacuum_naptime = '1s'")
        connection.exec_driver_sql("select pg_reload_conf()")
        run_script(connection, read_sql("demo/base_tables"))
        connection.exec_driver_sql(
            "insert into customers (email, full_name) select n || '@example.com', 'Customer ' || n"
            f" from generate_series(1, {CUSTOMERS}) as n"
        )
        db.apply(engine)
        db.backfill(engine)
        connection.exec_driver_sql("vacuum full analyze customers")  # as small as it can be
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
    dsn = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
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
