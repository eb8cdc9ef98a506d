"""A million customers, ten million orders: applying holds nobody up for more than two seconds.

`RFM_SOAK_CUSTOMERS` sets another size; each customer has ten orders.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rfm import db
from tests.support import run_alone, session

CUSTOMERS = int(os.environ.get("RFM_SOAK_CUSTOMERS", "1000000"))
LONGEST = 2.0  # seconds

pytestmark = pytest.mark.slow

POLLS = {
    "read a customer": "select full_name from customers where id = md5('5')::uuid",
    "edit a customer": "update customers set full_name = 'Ada' where id = md5('6')::uuid",
    "insert an order": "insert into orders (customer_id, total_cents) values (md5('7')::uuid, 100)",
    "read orders": "select count(*) from orders where customer_id = md5('8')::uuid",
}


@pytest.fixture
def big(rfm_crm_engine):
    with rfm_crm_engine.begin() as connection:
        connection.exec_driver_sql(
            f"""
            insert into customers (id, email)
            select md5(n::text)::uuid, n || '@example.com' from generate_series(1, {CUSTOMERS}) as n
            """
        )
        # made again at the end: all at once, not row by row
        connection.exec_driver_sql("alter table orders drop constraint orders_customer_id_fkey")
        connection.exec_driver_sql("drop index idx_orders_customer_id")
        connection.exec_driver_sql(
            f"""
            insert into orders (customer_id, status, total_cents, created_at)
            select md5((1 + n / 10)::text)::uuid, 'paid', n, now() - n * interval '3 seconds'
            from generate_series(0, {CUSTOMERS * 10 - 1}) as n
            """
        )
        connection.exec_driver_sql("create index idx_orders_customer_id on orders (customer_id)")
        connection.exec_driver_sql(
            "alter table orders add constraint orders_customer_id_fkey"
            " foreign key (customer_id) references customers (id) on delete cascade"
        )
    run_alone(rfm_crm_engine, "vacuum analyze customers, orders")
    return rfm_crm_engine


class Poller:
    """Runs one statement again and again, and remembers the longest that it took."""

    def __init__(self, engine, statement, over):
        self.engine, self.statement, self.over = engine, statement, over
        self.longest = 0.0

    def poll(self):
        with session(self.engine, autocommit=True) as connection:
            while not self.over.is_set():
                started = time.monotonic()
                connection.execute(self.statement)
                self.longest = max(self.longest, time.monotonic() - started)
                time.sleep(0.005)


def test_applying_holds_nobody_up_for_long(big):
    over = threading.Event()
    pollers = {name: Poller(big, statement, over) for name, statement in POLLS.items()}
    with ThreadPoolExecutor(len(pollers)) as pool:
        polls = [pool.submit(poller.poll) for poller in pollers.values()]
        time.sleep(1)
        started = time.monotonic()
        try:
            db.apply(big)
        finally:
            took = time.monotonic() - started
            over.set()
        for poll in polls:
            poll.result()
    waits = {name: round(poller.longest, 2) for name, poller in pollers.items()}
    print(f"\n{CUSTOMERS:,} customers: applied in {took:.1f} s, longest waits in seconds: {waits}")
    assert max(waits.values()) <= LONGEST
