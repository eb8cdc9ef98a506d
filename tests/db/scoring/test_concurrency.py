"""Writers beside each other: no deadlock, no lost order, nobody waits without need."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from rfm import Model, db
from rfm.errors import DatabaseBusy
from tests.support import assert_true_scores, run, session

ROUNDS = 50
CUSTOMERS = 400

BULK_WRITES = {
    "insert": "insert into orders (customer_id, total_cents) select id, 100 from customers order by id {direction}",
    # only what this round brought: the tables grow, a round does not
    "update": """
        update orders o set total_cents = 100
        from ({mine} order by customer_id {direction}) s where o.id = s.id
    """,
    "delete": "delete from orders o using ({mine} order by customer_id {direction}) s where o.id = s.id",
}


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        f"insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) n",
    )
    yield rfm_engine
    assert_true_scores(rfm_engine)


@pytest.mark.parametrize("write", BULK_WRITES.values(), ids=BULK_WRITES.keys())
def test_bulk_writes_in_opposite_order_never_deadlock(crm, write):
    together = threading.Barrier(2)

    def work(direction):
        with session(crm, autocommit=True) as connection:
            for _ in range(ROUNDS):
                if "{mine}" in write:
                    connection.execute(
                        "insert into orders (customer_id, event_name) select id, %s from customers",
                        [direction],
                    )
                together.wait(timeout=60)
                mine = f"select id from orders where event_name = '{direction}' and total_cents is null"
                connection.execute(write.format(direction=direction, mine=mine))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, direction) for direction in ("asc", "desc")]:
            done.result()


def test_an_old_transaction_scores_by_the_clock_and_not_by_its_own_start(rfm_engine):
    """An order of a fast clock that was not there yet when the transaction began."""
    with session(rfm_engine) as old, session(rfm_engine, autocommit=True) as sale:
        sale.execute("insert into customers (email) values ('ada@example.com')")
        old.execute("select now()")
        sale.execute(
            "insert into orders (customer_id, created_at)"
            " select id, clock_timestamp() + interval '5 minutes' from customers"
        )
        edit = "update customers set full_name = 'Ada' returning rfm_frequency"
        assert old.execute(edit).fetchall() == [(2,)]


@pytest.mark.parametrize("emails", ["'1'", "'1', '2'"])
def test_an_order_of_another_transaction_does_not_wait_for_the_score(crm, emails):
    """`for update` would conflict with the key share lock of the orders' foreign key."""
    with session(crm) as first, session(crm) as second:
        first.execute(
            f"insert into orders (customer_id) select id from customers where email in ({emails})"
        )
        second.execute("set lock_timeout = '2s'")
        # the foreign key takes its lock before any trigger of ours runs
        second.execute(
            "insert into messages (customer_id) select id from customers where email = '1'"
        )
        second.commit()
        first.commit()


def test_two_transactions_that_hold_each_others_foreign_key_do_not_deadlock(crm):
    with session(crm) as first, session(crm) as second:
        for connection in (first, second):
            connection.execute(
                "insert into messages (customer_id) select id from customers where email = '1'"
            )
        with ThreadPoolExecutor(1) as pool:
            write = "insert into orders (customer_id, total_cents) select id, 100 from customers where email = '1'"
            first.execute(write)
            waiting = pool.submit(second.execute, write)
            first.commit()
            waiting.result(timeout=10)
            second.commit()


def test_many_writers_of_one_customer_lose_no_order(crm):
    def work(_):
        with session(crm, autocommit=True) as connection:
            for _ in range(20):
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 5000 from customers where email = '7'"
                )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with crm.connect() as connection:
        assert connection.execute(
            text("select rfm_frequency, rfm_monetary from customers where email = '7'")
        ).one() == (5, 5)


def test_rescoring_beside_small_batches_of_orders_never_deadlocks(crm):
    """A statement that updates customers in the table's order would, and the sale would die."""
    stop = threading.Event()

    def sell():
        with session(crm, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    "insert into orders (customer_id) select id from customers order by random() limit 20"
                )

    with ThreadPoolExecutor(1) as pool:
        selling = pool.submit(sell)
        try:
            for weights in [(2, 2, 2), (3, 2, 1)] * 10:
                db.activate(crm, db.store_model(crm, Model(weights=weights)))
                assert db.backfill(crm).looked_at == CUSTOMERS
        finally:
            stop.set()
        selling.result()


def test_waiting_for_writers_has_an_end(crm):
    with session(crm) as writer, session(crm) as waiter:
        writer.execute("update customers set full_name = 'Ada' where email = '1'")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="open for more than"):
            waiter.execute("select wait_for_lead_score_writers('0.1 seconds')")


def again_while_busy(change, engine):
    """Do as the error says: it is we who give way to the sales, not they to us."""
    for _ in range(50):
        try:
            return change(engine)
        except DatabaseBusy:
            time.sleep(0.1)
    return pytest.fail("never found the tables free")


def test_apply_beside_sales_that_take_the_tables_the_other_way_round_kills_no_sale(rfm_crm_engine):
    stop = threading.Event()

    def sell():
        with session(rfm_crm_engine) as connection:
            connection.execute("set deadlock_timeout = '100ms'")
            connection.commit()
            while not stop.is_set():
                connection.execute("insert into customers (email) values ('new@example.com')")
                connection.execute("insert into orders (total_cents) values (1)")
                connection.commit()
                time.sleep(0.005)

    with ThreadPoolExecutor(4) as pool:
        sales = [pool.submit(sell) for _ in range(4)]
        try:
            again_while_busy(db.apply, rfm_crm_engine)
            again_while_busy(db.rollback, rfm_crm_engine)
        finally:
            stop.set()
        for sale in sales:
            sale.result()


def test_truncate_cancels_nobody_where_customers_are_locked_first(crm):
    with (
        session(crm) as sale,
        session(crm) as emptying,
        session(crm) as edit,
        ThreadPoolExecutor(2) as pool,
    ):
        sale.execute("insert into orders (customer_id) select id from customers where email = '1'")
        emptied = pool.submit(
            emptying.execute,
            "lock table customers in share row exclusive mode; truncate orders",
        )
        time.sleep(0.2)
        edited = pool.submit(
            edit.execute, "update customers set full_name = 'Ada' where email = '2'"
        )
        time.sleep(0.2)
        sale.execute("insert into orders (customer_id) select id from customers where email = '2'")
        sale.commit()
        emptied.result(timeout=10)
        emptying.commit()
        edited.result(timeout=10)
        edit.commit()
