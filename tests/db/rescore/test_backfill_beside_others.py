"""Backfill gives way to others, is stopped by what it cannot do, and can be taken up again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from rfm import Model, db
from rfm.db import Pace
from rfm.errors import BackfillStopped, InvalidArgument
from tests.db.rescore.sixty import CUSTOMERS, FILL, scored_at
from tests.support import address, assert_true_scores, past_triggers, run

RFM = Path(sys.executable).with_name("rfm")


def test_it_waits_for_the_writers_of_the_model_before(crm):
    with psycopg.connect(address(crm)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute(FILL.split(";", maxsplit=1)[0].replace("n::text", "(100 + n)::text"))
        writer.execute(
            "insert into orders (customer_id, total_cents) select id, 5000 from customers where email > '100'"
        )
        db.activate(crm, db.store_model(crm, Model(weights=(1, 1, 4))))
        running = pool.submit(db.backfill, crm)
        with pytest.raises(TimeoutError):
            running.result(timeout=0.5)
        writer.commit()
        assert running.result(timeout=10).looked_at == 2 * CUSTOMERS
    assert_true_scores(crm)


def test_beside_live_orders_nothing_is_refused_and_nothing_drifts(crm):
    over = threading.Event()

    def sell():
        with psycopg.connect(address(crm), autocommit=True) as connection:
            while not over.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 4000 from customers order by random() limit 9"
                )

    with ThreadPoolExecutor(2) as pool:
        sales = [pool.submit(sell) for _ in range(2)]
        try:
            for weights in [(1, 1, 4), (2, 2, 2), (1, 4, 1), (3, 2, 1)]:
                db.activate(crm, db.store_model(crm, Model(weights=weights)))
                db.backfill(crm, Pace(batch=10, range_size=20))
        finally:
            over.set()
        for sale in sales:
            sale.result()
    assert_true_scores(crm)


def test_a_locked_customer_is_tried_again_at_the_end(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    with psycopg.connect(address(crm)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select from customers where email = '9' for update")
        running = pool.submit(db.backfill, crm, Pace(lock_timeout=60))
        while not run(crm, "select * from lead_score_queue"):
            time.sleep(0.05)
        other.rollback()
        done = running.result(timeout=30)
    assert (done.rescored, done.from_queue, done.waiting) == (CUSTOMERS - 1, 1, Counter())
    assert_true_scores(crm)


def test_a_customer_who_stays_locked_stops_nobody_else_and_is_reported(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    with psycopg.connect(address(crm)) as other:
        other.execute("select from customers where email = '9' for update")
        done = db.backfill(crm, Pace(batch=10, lock_timeout=0.01))
        assert (done.rescored, done.finished) == (CUSTOMERS - 1, True)
        assert done.waiting == {"55P03": 1}
    assert db.backfill(crm).waiting == {}
    assert_true_scores(crm)


def test_a_customer_who_cannot_be_written_stops_nobody_else_and_is_reported(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    past_triggers(
        crm,
        """
        update customers set full_name = 'refused' where email = '9';
        alter table customers add constraint c check (full_name <> 'refused') not valid
        """,
    )
    done = db.backfill(crm, Pace(workers=1, batch=10))
    assert (done.rescored, done.looked_at, done.finished) == (CUSTOMERS - 1, CUSTOMERS, True)
    assert done.waiting == {"23514": 1}
    assert db.rescore_stale(crm) == 0
    run(crm, "alter table customers drop constraint c")
    assert db.rescore_stale(crm) == 1
    assert_true_scores(crm)


def test_writers_who_do_not_end_stop_it_before_it_begins(crm):
    run(
        crm,
        "create or replace function wait_for_lead_score_writers(patience interval default '1 minute')"
        " returns void language plpgsql as $$begin raise exception 'still open'; end$$",
    )
    with pytest.raises(BackfillStopped, match=r"(?s)still open.*; 0 of 0 customers were looked at"):
        db.backfill(crm)


def test_it_refuses_where_the_trigger_does_not_run(crm):
    run(crm, "alter table customers disable trigger calculate_customer_lead_score")
    with pytest.raises(BackfillStopped, match="missing or disabled"):
        db.backfill(crm)


def test_killed_in_the_middle_it_is_taken_up_by_the_next_run(crm):
    past_triggers(crm, "update customers set lead_score = 0, last_scored_at = null")
    command = [str(RFM), "db", "backfill", "--batch", "5", "--pause", "0.2", "--workers", "1"]
    with subprocess.Popen(
        command, env=os.environ | {"DATABASE_URL": address(crm)}, stderr=subprocess.DEVNULL
    ) as process:
        while not (before := {k: v for k, v in scored_at(crm).items() if v}):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    before = {email: at for email, at in scored_at(crm).items() if at}
    assert 0 < len(before) < CUSTOMERS
    done = db.backfill(crm)
    assert done.rescored == CUSTOMERS - len(before)
    assert scored_at(crm).items() >= before.items()
    assert_true_scores(crm)


def test_a_pause_is_made_after_each_batch(crm):
    past_triggers(crm, "update customers set lead_score = 0")
    done = db.backfill(crm, Pace(workers=1, batch=20, pause=0.2))
    assert done.seconds >= 0.6
    assert done.rescored == CUSTOMERS


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"workers": 0}, {"pause": -1}, {"lock_timeout": 0}, {"max_lag": float("nan")}],
)
def test_a_pace_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidArgument, match=f"1 problem: `{next(iter(wrong))}` is "):
        Pace(**wrong)
