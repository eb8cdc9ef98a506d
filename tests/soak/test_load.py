"""A minute of everything at once: no order refused, no drift, no reader of the timeline kept waiting.

`RFM_SOAK_SECONDS` sets another length.
"""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rfm import db
from tests.support import assert_true_scores, run, session

SECONDS = float(os.environ.get("RFM_SOAK_SECONDS", "60"))
WRITERS = 8
CUSTOMERS = 200

pytestmark = pytest.mark.slow


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        f"insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) n;"
        "insert into orders (customer_id, total_cents) select id, 1000 from customers;"
        "refresh materialized view customer_activity_timeline",
    )
    return rfm_engine


ONE_CUSTOMER = "(select id from customers where email = %(customer)s)"
SOME_ORDER = "(select id from orders order by id offset %(offset)s limit 1)"
WRITES = (
    f"insert into orders (customer_id, total_cents) values ({ONE_CUSTOMER}, %(cents)s)",
    f"insert into orders (customer_id, total_cents) values ({ONE_CUSTOMER}, %(cents)s)",
    f"insert into orders (customer_id, total_cents) values ({ONE_CUSTOMER}, %(cents)s)",
    f"update orders set total_cents = %(cents)s where id = {SOME_ORDER}",
    f"update orders set customer_id = {ONE_CUSTOMER} where id = {SOME_ORDER}",
    f"delete from orders where id = {SOME_ORDER}",
    "update customers set full_name = %(customer)s where email = %(customer)s",
)


class Load:
    """Threads that go on until the time is over, and what they saw."""

    def __init__(self, engine):
        self.engine = engine
        self.over = threading.Event()
        self.longest_read = 0.0

    def write(self, seed):
        dice = random.Random(seed)
        done = 0
        with session(self.engine, autocommit=True) as connection:
            while not self.over.is_set():
                values = {
                    "customer": str(dice.randint(1, CUSTOMERS)),
                    "cents": dice.randint(-1_000, 200_000),
                    "offset": dice.randint(0, CUSTOMERS),
                }
                connection.execute(dice.choice(WRITES), values)
                done += 1
        return done

    def rescore(self):
        times = 0
        while not self.over.is_set():
            db.backfill(self.engine)
            times += 1
        return times

    def refresh(self):
        times = 0
        with session(self.engine, autocommit=True) as connection:
            while not self.over.is_set():
                connection.execute("select refresh_customer_activity_timeline()")
                times += 1
        return times

    def read(self):
        with session(self.engine, autocommit=True) as connection:
            while not self.over.is_set():
                started = time.monotonic()
                # a reader that had to wait for a lock would fail here
                connection.execute("set lock_timeout = '100ms'")
                connection.execute(
                    "select * from customer_activity_timeline order by created_at desc limit 20"
                )
                self.longest_read = max(self.longest_read, time.monotonic() - started)


def test_no_order_is_refused_and_nothing_drifts(crm):
    load = Load(crm)
    with ThreadPoolExecutor(WRITERS + 3) as pool:
        writers = [pool.submit(load.write, seed) for seed in range(WRITERS)]
        others = [pool.submit(work) for work in (load.rescore, load.refresh, load.read)]
        time.sleep(SECONDS)
        load.over.set()
        written = sum(writer.result() for writer in writers)
        rescored, refreshed, _ = (other.result() for other in others)
    assert_true_scores(crm)
    assert min(written, rescored, refreshed) > 0
    print(
        f"\n{written:,} writes, {rescored} rescorings, {refreshed} refreshes, longest read {load.longest_read:.3f} s"
    )
