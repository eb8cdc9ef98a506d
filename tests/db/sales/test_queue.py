"""Whoever waits in the queue is scored, or stays there."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from rfm import db
from tests.db.sales.shop import ADA, BULK, CREDIT_CHECK, CUSTOMERS, EDIT, ORDER, queued, raising
from tests.support import assert_true_scores, past_triggers, run, session


def test_draining_beside_sales_loses_nobody(crm):
    stop = threading.Event()
    run(crm, CREDIT_CHECK)

    def sell(number):
        with session(crm, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 100 from customers order by random() limit %s",
                    [1 + number % 2 * 5],
                )

    def drain(_):
        with session(crm, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("select score_queued_customers(7)")

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(sell, number) for number in range(4)]
        running += [pool.submit(drain, number) for number in range(2)]
        time.sleep(3)
        stop.set()
        for one in running:
            one.result(timeout=30)
    assert_true_scores(crm)


def test_a_row_of_the_queue_that_commits_late_is_not_lost(crm):
    with session(crm) as edit, session(crm) as sale:
        edit.execute(EDIT)
        sale.execute(ORDER)
        edit.commit()
        assert run(crm, "select scored from score_queued_customers()") == [(0,)]
        sale.commit()
    assert queued(crm) == [(ADA, "55P03")]
    assert_true_scores(crm)


def test_whoever_waits_goes_on_to_wait_since_then(crm):
    with session(crm) as edit:
        edit.execute(EDIT)
        run(crm, ORDER)
        since = run(crm, "select queued_at from lead_score_queue")
        for _ in range(2):
            run(crm, "select score_queued_customers()")
            assert run(crm, "select queued_at from lead_score_queue") == since


def test_a_run_tries_those_first_that_nobody_has_tried(crm):
    run(crm, raising(f"new.id = '{ADA}'"))
    run(crm, ORDER)
    run(crm, "select score_queued_customers()")
    run(crm, "insert into lead_score_queue select id, '55P03' from customers where email = '2'")
    assert run(crm, "select * from score_queued_customers(1)") == [(1, 0, 1)]
    assert queued(crm) == [(ADA, "P0001")]


def test_deleted_customers_leave_the_queue(crm):
    run(
        crm,
        f"insert into lead_score_queue values ('{ADA}', '55P03'); delete from customers where id = '{ADA}'",
    )
    assert run(crm, "select * from score_queued_customers()") == [(1, 0, 0)]
    assert queued(crm) == []


def test_health_and_verify_tell_of_a_queue_that_nobody_empties(crm):
    fact = "select ok, finding from lead_score_health(false) where fact = 'queue'"
    assert run(crm, fact) == [(True, "empty")]
    run(
        crm,
        f"insert into lead_score_queue values ('{ADA}', '23514', now() - interval '11 minutes')",
    )
    ((ok, finding),) = run(crm, fact)
    assert not ok
    assert finding.startswith("1 waiting since 20")
    assert finding.endswith("(23514: 1)")
    (check,) = [one for one in db.verify(crm) if "lead_score_queue for more" in one.fact]
    assert not check.passed


def test_after_the_guides_rollback_the_queue_is_nobodys_concern(crm):
    run(crm, f"insert into lead_score_queue values ('{ADA}', '55P03')")
    with crm.begin() as connection:
        connection.execute(text("drop policy read_own_customers on lead_score_queue"))
        for view in ("hot_leads", "customer_segments", "lead_score_customers"):
            connection.execute(text(f"drop view {view}"))
    run(
        crm,
        """
        drop trigger recalculate_lead_score_on_order_change on orders;
        drop trigger calculate_customer_lead_score on customers;
        drop function recalculate_customer_lead_score();
        drop function calculate_lead_score();
        alter table customers drop column lead_score, drop column rfm_recency, drop column rfm_frequency,
            drop column rfm_monetary, drop column last_scored_at;
        """,
    )
    run(crm, ORDER)
    run(crm, "update orders set total_cents = 1")
    assert run(crm, "select * from score_queued_customers()") == [(0, 0, 0)]


def test_a_customer_who_waits_twice_is_one_customer(crm):
    for state in ("55P03", "23514", "55P03"):
        run(crm, f"insert into lead_score_queue values ('{ADA}', '{state}')")
    ((finding,),) = run(crm, "select finding from lead_score_health(false) where fact = 'queue'")
    assert finding.startswith("1 waiting since ")
    assert run(crm, "select scored from score_queued_customers()") == [(1,)]


def test_whoever_is_scored_by_name_leaves_the_queue(crm):
    run(crm, f"insert into lead_score_queue values ('{ADA}', '55P03'), ('{ADA}', '23514')")
    assert run(crm, f"select * from score_customers(array['{ADA}']::uuid[])") == []
    assert queued(crm) == []


def test_a_backfill_counts_nobody_twice(crm):
    past_triggers(crm, BULK)
    run(crm, "insert into lead_score_queue select id, '55P03' from customers")
    done = db.backfill(crm)
    assert (done.rescored, done.from_queue) == (CUSTOMERS, 0)
    assert queued(crm) == []
