"""Rescoring stale customers beside others, and what lead_score_health() tells."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.sql import read_sql
from rfm.testing import assert_scores_match
from tests.support import failed_facts, past_triggers, run, run_alone, session

CALL = "call rescore_stale_customers()"
ADA = "00000000-0000-4000-8000-00000000000a"


def let_pass(engine, time):
    past_triggers(
        engine,
        f"""
        update orders set created_at = created_at - interval '{time}';
        update customers set last_scored_at = last_scored_at - interval '{time}';
        update lead_score_rescoring set done_until = done_until - interval '{time}';
        """,
    )


@pytest.fixture
def crm(rfm_engine):
    """Three hundred customers, two orders each, and a complete run."""
    run(
        rfm_engine,
        f"""
        insert into customers (id, email) values ('{ADA}', 'ada@example.com');
        insert into customers (email) select n::text from generate_series(1, 299) as n;
        insert into orders (customer_id, total_cents, created_at)
        select c.id, 7000, now() - n * interval '29 days'
        from customers as c cross join generate_series(1, 2) as n;
        """,
    )
    assert run(rfm_engine, CALL) == [(0, False)]
    return rfm_engine


# ---------------------------------------------------------------- who is rescored, and how


def test_a_run_scores_those_whom_time_has_changed(crm):
    let_pass(crm, "3 days")
    assert len(run(crm, "select * from lead_score_drift(now())")) == 300
    assert db.rescore_stale(crm) == 300
    assert run(crm, "select * from lead_score_drift(now())") == []
    assert db.rescore_stale(crm) == 0
    assert_scores_match(crm)


def test_whom_it_looks_up_come_from_the_two_indexes_on_orders(crm):
    past_triggers(
        crm,
        "insert into orders (customer_id, total_cents, created_at) select id, 1,"
        " now() - n * interval '2 days' from customers cross join generate_series(40, 90) as n",
    )
    run_alone(crm, "vacuum analyze orders", "vacuum analyze customers")
    let_pass(crm, "1 hour")
    with crm.begin() as connection:
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
def test_a_batch_of_nobody_is_refused(crm, batch):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="one customer or more, not"):
        run(crm, f"call rescore_stale_customers({batch})")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_is_refused_with_a_hint(crm, level):
    with (
        session(crm) as connection,
        pytest.raises(psycopg.errors.FeatureNotSupported, match="Begin the transaction at READ"),
    ):
        connection.execute(f"begin isolation level {level}; {CALL}")


def test_python_rescores_whatever_the_databases_default(crm):
    run(
        crm, f"alter database {crm.url.database} set default_transaction_isolation = 'serializable'"
    )
    let_pass(crm, "3 days")
    assert db.rescore_stale(crm) == 300


def test_a_trigger_of_others_that_spoils_scores_does_not_keep_a_run_going(crm):
    run(
        crm,
        """
        create function spoil() returns trigger language plpgsql set search_path = ''
        as $$ begin new.lead_score := 0; return new; end $$;
        create trigger zzz before update on customers for each row execute function spoil();
        update lead_score_rescoring set done_until = null;
        update customers set full_name = 'spoilt';
        """,
    )
    let_pass(crm, "1 day")
    calls = [run(crm, "call rescore_stale_customers(200)")[0] for _ in range(3)]
    assert calls == [(200, True), (100, True), (0, False)]


# ---------------------------------------------------------------- beside others


def test_two_runs_at_the_same_time_do_the_work_once(crm):
    let_pass(crm, "3 days")
    with crm.begin() as first:
        assert first.execute(text("call rescore_stale_customers(10)")).one() == (10, True)
        assert run(crm, CALL) == [(0, False)]
        assert db.rescore_stale(crm) == 0
    assert db.rescore_stale(crm) == 290


def test_many_runs_beside_live_orders_leave_no_stale_and_no_wrong_score(crm):
    stop = threading.Event()

    def sell(number):
        with session(crm, autocommit=True) as connection:
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
            runs = [pool.submit(db.rescore_stale, crm) for _ in range(2)]
            for running in runs:
                running.result(timeout=60)
            time.sleep(0.5)
        stop.set()
        for seller in sellers:
            seller.result(timeout=60)
    time.sleep(2)
    db.rescore_stale(crm)
    assert run(crm, "select * from lead_score_drift(now())") == []
    assert_scores_match(crm)


def late_order(connection, seconds):
    """Insert an order whose customer loses recency in some seconds."""
    connection.execute(
        "insert into orders (customer_id, total_cents, created_at)"
        " values (%s, 100, clock_timestamp() - interval '744 hours' + %s * interval '1 second')",
        [ADA, seconds],
    )


@pytest.fixture
def nobody_recent(crm):
    let_pass(crm, "40 days")
    db.rescore_stale(crm)
    return crm


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


def test_after_a_rollback_by_hand_there_is_nothing_to_do(crm):
    run(crm, read_sql("rollback/20250115000004_create_customer_segments"))
    guide = read_sql("rollback/20250115000002_create_post_migration_objects")
    run(crm, guide)
    run(crm, "drop trigger calculate_customer_lead_score on customers")
    run(crm, "drop function calculate_lead_score()")
    run(crm, "alter table customers drop column lead_score, drop column last_scored_at")
    assert run(crm, CALL) == [(0, False)]
    assert run(crm, "select * from lead_score_health()") == [
        ("lead scoring", False, "not installed")
    ]
    assert {"not installed"} == {
        check.found for check in db.verify(crm) if "rescored" in check.fact or "job" in check.fact
    }


# ---------------------------------------------------------------- health


def health(engine):
    return {
        fact: (ok, finding)
        for fact, ok, finding in run(engine, "select * from lead_score_health()")
    }


def test_a_fresh_database_is_well_as_far_as_can_be_told(rfm_engine):
    told = health(rfm_engine)
    assert {fact: ok for fact, (ok, _) in told.items()} == {
        "unscored customers": True,
        "active model": True,
        "last rescoring": True,
        "timeline refresh": None,
        "job refresh-customer-timeline": None,
        "job rescore-stale-customers": None,
        "job score-queued-customers": None,
        "queue": True,
        "drift": True,
        "stale scores": True,
    }
    assert told["last rescoring"][1] == "never complete"
    assert told["timeline refresh"][1].startswith("unknown")
    assert failed_facts(rfm_engine) == []


def test_without_thorough_the_facts_are_left_out_that_read_every_order(crm):
    quick = {row[0] for row in run(crm, "select fact from lead_score_health(thorough => false)")}
    assert set(health(crm)) - quick == {"drift", "stale scores"}


UNWELL = {
    "unscored customers": (
        "update customers set last_scored_at = null, lead_score = 0 where email < '2'",
        "111 of 300",
    ),
    "active model": (
        "alter table lead_score_active_model disable trigger user; delete from lead_score_active_model",
        "none",
    ),
    "last rescoring": (
        "update lead_score_rescoring set done_until = now() - interval '49 hours'",
        "complete up to",
    ),
    "drift": (f"update customers set lead_score = 30 where id = '{ADA}'", "1 customers"),
    "timeline refresh": (
        """
        select refresh_customer_activity_timeline();
        update customer_activity_refresh set refreshed_at = now() - interval '49 hours'
        """,
        "last one at",
    ),
}


@pytest.mark.parametrize("fact", UNWELL)
def test_health_and_verify_tell_what_is_not_well(crm, fact):
    assert health(crm)[fact][0] is not False
    script, finding = UNWELL[fact]
    past_triggers(crm, script)
    ok, found = health(crm)[fact]
    assert ok is False
    assert finding in found
    assert failed_facts(crm) != []


def test_a_stale_score_is_told_at_once_and_is_a_failure_after_a_day(crm):
    let_pass(crm, "2 days 1 hour")
    assert health(crm)["stale scores"] == (True, "300 customers, 0 of them for more than 25 hours")
    let_pass(crm, "1 day")
    assert health(crm)["stale scores"] == (
        False,
        "300 customers, 300 of them for more than 25 hours",
    )
    assert "No score has been out of date for more than a day." in failed_facts(crm)
    db.rescore_stale(crm)
    assert health(crm)["stale scores"] == (True, "0 customers, 0 of them for more than 25 hours")
    assert "No score has been out of date for more than a day." not in failed_facts(crm)


def test_a_score_for_an_instant_to_come_is_not_stale(crm):
    run(
        crm,
        f"insert into orders (customer_id, total_cents, created_at)"
        f" values ('{ADA}', 99900, now() + interval '3 minutes')",
    )
    assert len(run(crm, "select * from lead_score_drift(now())")) == 1
    assert health(crm)["stale scores"][1].startswith("0 customers")
    assert db.rescore_stale(crm) == 0
    run(crm, "update lead_score_rescoring set done_until = null")
    assert db.rescore_stale(crm) == 0


def test_a_run_that_was_never_complete_is_told_after_two_days(rfm_engine):
    run(rfm_engine, "update lead_score_rescoring set created_at = now() - interval '49 hours'")
    assert health(rfm_engine)["last rescoring"] == (False, "never complete")
    run(rfm_engine, "delete from lead_score_rescoring")
    assert health(rfm_engine)["last rescoring"][0] is False


OTHER_REFRESHES = {
    "by hand": "refresh materialized view customer_activity_timeline",
    "by the guide's function": """
        create or replace function refresh_customer_activity_timeline() returns void as $$
        begin refresh materialized view customer_activity_timeline; end;
        $$ language plpgsql security definer;
    """,
}


@pytest.mark.parametrize("refresh", OTHER_REFRESHES.values(), ids=OTHER_REFRESHES.keys())
def test_the_timelines_age_is_told_only_where_it_is_known(crm, refresh):
    for _ in range(2):
        run(crm, "select refresh_customer_activity_timeline()")
        ok, finding = health(crm)["timeline refresh"]
        assert ok
        assert finding.startswith("last one at 20")
    run(crm, refresh)
    ok, finding = health(crm)["timeline refresh"]
    assert ok is None
    assert finding.startswith("unknown")
    run(crm, read_sql("migrations/20250115000002_create_post_migration_objects"))
    run(crm, "select refresh_customer_activity_timeline()")
    assert health(crm)["timeline refresh"][0]
