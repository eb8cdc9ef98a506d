"""Rescoring stale customers, also beside others."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.sql import read_sql
from rfm.testing import assert_scores_match
from tests.db.rescore.aging import ADA, CALL, let_pass
from tests.support import past_triggers, run, run_alone, session

# ---------------------------------------------------------------- who is rescored, and how


def test_a_run_scores_those_whom_time_has_changed(three_hundred):
    let_pass(three_hundred, "3 days")
    assert len(run(three_hundred, "select * from lead_score_drift(now())")) == 300
    assert db.rescore_stale(three_hundred) == 300
    assert run(three_hundred, "select * from lead_score_drift(now())") == []
    assert db.rescore_stale(three_hundred) == 0
    assert_scores_match(three_hundred)


def test_whom_it_looks_up_come_from_the_two_indexes_on_orders(three_hundred):
    past_triggers(
        three_hundred,
        "insert into orders (customer_id, total_cents, created_at) select id, 1,"
        " now() - n * interval '2 days' from customers cross join generate_series(40, 90) as n",
    )
    run_alone(three_hundred, "vacuum analyze orders", "vacuum analyze customers")
    let_pass(three_hundred, "1 hour")
    with three_hundred.begin() as connection:
        connection.execute(text(CALL))
        scans = dict(
            connection.execute(
                text("""
                    select c.relname, pg_stat_get_xact_numscans(c.oid)
                    from pg_class as c
                    where c.relname in ('orders', 'idx_orders_lead_score_time')
                """)
            ).all()
        )
    # the published model has four thresholds, and an order from the future is the fifth reason
    assert scans == {"orders": 0, "idx_orders_lead_score_time": 5}


@pytest.mark.parametrize("batch", ["0", "-1", "null"])
def test_a_batch_of_nobody_is_refused(three_hundred, batch):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="one customer or more, not"):
        run(three_hundred, f"call rescore_stale_customers({batch})")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_is_refused_with_a_hint(three_hundred, level):
    with (
        session(three_hundred) as connection,
        pytest.raises(psycopg.errors.FeatureNotSupported, match="Begin the transaction at READ"),
    ):
        connection.execute(f"begin isolation level {level}; {CALL}")


def test_python_rescores_whatever_the_databases_default(three_hundred):
    run(
        three_hundred,
        f"alter database {three_hundred.url.database} set default_transaction_isolation = 'serializable'",
    )
    let_pass(three_hundred, "3 days")
    assert db.rescore_stale(three_hundred) == 300


def test_a_trigger_of_others_that_spoils_scores_does_not_keep_a_run_going(three_hundred):
    run(
        three_hundred,
        """
        create function spoil() returns trigger language plpgsql set search_path = ''
        as $$ begin new.lead_score := 0; return new; end $$;
        create trigger zzz before update on customers for each row execute function spoil();
        update lead_score_rescoring set done_until = null;
        update customers set full_name = 'spoilt';
        """,
    )
    let_pass(three_hundred, "1 day")
    calls = [run(three_hundred, "call rescore_stale_customers(200)")[0] for _ in range(3)]
    assert calls == [(200, True), (100, True), (0, False)]


# ---------------------------------------------------------------- beside others


def test_two_runs_at_the_same_time_do_the_work_once(three_hundred):
    let_pass(three_hundred, "3 days")
    with three_hundred.begin() as first:
        assert first.execute(text("call rescore_stale_customers(10)")).one() == (10, True)
        assert run(three_hundred, CALL) == [(0, False)]
        assert db.rescore_stale(three_hundred) == 0
    assert db.rescore_stale(three_hundred) == 290


def test_many_runs_beside_live_orders_leave_no_stale_and_no_wrong_score(three_hundred):
    stop = threading.Event()

    def sell(number):
        with session(three_hundred, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents, created_at)"
                    " select id, 100, now() - interval '31 days' + random() * interval '2 seconds'"
                    " from customers where get_byte(uuid_send(id), 15) %% 7 = %s",
                    [number],
                )

    with ThreadPoolExecutor(5) as pool:
        sellers = [pool.submit(sell, number) for number in range(3)]
        for _ in range(3):
            runs = [pool.submit(db.rescore_stale, three_hundred) for _ in range(2)]
            for running in runs:
                running.result(timeout=60)
            time.sleep(0.5)
        stop.set()
        for seller in sellers:
            seller.result(timeout=60)
    time.sleep(2)
    db.rescore_stale(three_hundred)
    assert run(three_hundred, "select * from lead_score_drift(now())") == []
    assert_scores_match(three_hundred)


def late_order(connection, seconds):
    """Insert an order whose customer loses recency in some seconds."""
    connection.execute(
        "insert into orders (customer_id, total_cents, created_at)"
        " values (%s, 100, clock_timestamp() - interval '744 hours' + %s * interval '1 second')",
        [ADA, seconds],
    )


@pytest.fixture
def nobody_recent(three_hundred):
    let_pass(three_hundred, "40 days")
    db.rescore_stale(three_hundred)
    return three_hundred


def test_an_order_that_commits_during_a_run_is_waited_for(nobody_recent):
    with session(nobody_recent) as sale, ThreadPoolExecutor(1) as pool:
        late_order(sale, 0.3)
        time.sleep(0.5)  # by now it has crossed the threshold, unseen by everybody
        running = pool.submit(db.rescore_stale, nobody_recent)
        time.sleep(0.5)
        assert not running.done()
        sale.commit()
        assert running.result(timeout=20) == 1
    assert run(nobody_recent, "select * from lead_score_drift(now())") == []


def test_a_transaction_that_stays_open_is_looked_after_by_the_next_run(nobody_recent):
    before = run(nobody_recent, "select done_until from lead_score_rescoring")
    with session(nobody_recent) as sale:
        late_order(sale, 0.3)
        time.sleep(0.5)
        assert db.rescore_stale(nobody_recent) == 0
        assert run(nobody_recent, "select done_until from lead_score_rescoring") == before
        # two hours of the same: further back than a run looks by itself
        past_triggers(
            nobody_recent,
            "update lead_score_rescoring set done_until = done_until - interval '2 hours'",
        )
        sale.commit()
    assert db.rescore_stale(nobody_recent) == 1
    assert run(nobody_recent, "select done_until from lead_score_rescoring") > before


def test_after_a_rollback_by_hand_there_is_nothing_to_do(three_hundred):
    run(three_hundred, read_sql("rollback/20250115000005_create_lead_score_explanations"))
    run(three_hundred, read_sql("rollback/20250115000004_create_customer_segments"))
    guide = read_sql("rollback/20250115000002_create_post_migration_objects")
    run(three_hundred, guide)
    run(three_hundred, "drop trigger calculate_customer_lead_score on customers")
    run(three_hundred, "drop function calculate_lead_score()")
    run(three_hundred, "alter table customers drop column lead_score, drop column last_scored_at")
    assert run(three_hundred, CALL) == [(0, False)]
    assert run(three_hundred, "select * from lead_score_health()") == [
        ("lead scoring", False, "not installed")
    ]
    assert {"not installed"} == {
        check.found
        for check in db.verify(three_hundred)
        if "rescored" in check.fact or "job" in check.fact
    }
