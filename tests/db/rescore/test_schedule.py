"""The daily jobs with a real pg_cron, where the server has it (.ci/run installs it)."""

import time

import psycopg
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from rfm import db
from rfm.cli.app import app
from rfm.db.connect import run_script
from rfm.db.schema.migrations import migrations
from rfm.errors import SchedulerMissing
from tests.support import address, run, session


def jobs(engine):
    with engine.connect() as connection:
        return connection.execute(
            text("select jobname, schedule, command from cron.job order by jobname")
        ).all()


REFRESH = (
    "refresh-customer-timeline",
    "0 2 * * *",
    "select public.refresh_customer_activity_timeline()",
)


def test_both_jobs_are_scheduled_once_and_unscheduled_by_the_rollback(cron_engine):
    db.apply(cron_engine)
    refresh, rescore, queue = jobs(cron_engine)
    assert refresh == REFRESH
    assert rescore[:2] == ("rescore-stale-customers", "30 2 * * *")
    assert queue[:2] == ("score-queued-customers", "* * * * *")
    with cron_engine.begin() as connection:
        for migration in migrations()[2:]:
            run_script(connection, migration.script)
    assert jobs(cron_engine) == [refresh, rescore, queue]
    db.rollback(cron_engine, to=migrations()[2].name)
    assert jobs(cron_engine) == [refresh]
    db.rollback(cron_engine)
    assert jobs(cron_engine) == []


def test_the_guides_own_block_schedules_the_same_job(cron_engine):
    db.apply(cron_engine)
    with cron_engine.begin() as connection:
        run_script(
            connection,
            """
            SELECT cron.schedule(
              'refresh-customer-timeline',
              '0 2 * * *',  -- 2 AM daily
              $$SELECT refresh_customer_activity_timeline();$$
            );
            """,
        )
    assert [job.jobname for job in jobs(cron_engine)] == [REFRESH[0], RESCORE, QUEUE]


def test_schedule_keeps_the_times_that_somebody_chose_and_changes_those_it_is_given(cron_engine):
    db.apply(cron_engine)
    assert [one.schedule for one in db.schedule(cron_engine)] == [
        "0 2 * * *",
        "30 2 * * *",
        "* * * * *",
    ]
    chosen = db.schedule(cron_engine, rescore="15 */6 * * *")
    assert [one.schedule for one in chosen] == ["0 2 * * *", "15 */6 * * *", "* * * * *"]
    assert db.schedule(cron_engine) == chosen
    assert [tuple(job) for job in jobs(cron_engine)] == [
        (one.name, one.schedule, one.command) for one in chosen
    ]
    with cron_engine.begin() as connection:
        run_script(connection, migrations()[3].script)
    assert db.schedule(cron_engine) == chosen


def test_the_command_shows_what_is_scheduled(cron_engine):
    db.apply(cron_engine)
    done = CliRunner().invoke(
        app, ["schedule", "--dsn", address(cron_engine), "--rescore", "0 4 * * *"]
    )
    assert done.exit_code == 0
    for shown in ("refresh-customer-timeline", "0 2 * * *", RESCORE, "0 4 * * *"):
        assert shown in done.stdout


def test_a_time_that_is_none_is_refused_and_changes_nothing(cron_engine):
    db.apply(cron_engine)
    before = jobs(cron_engine)
    with pytest.raises(Exception, match="invalid schedule"):
        db.schedule(cron_engine, refresh="0 3 * * *", rescore="at night")
    assert jobs(cron_engine) == before


def test_without_pg_cron_it_is_told_what_to_put_into_a_crontab(rfm_engine):
    with pytest.raises(SchedulerMissing, match="30 2 \\* \\* \\* rfm db rescore-stale"):
        db.schedule(rfm_engine)
    with (
        rfm_engine.begin() as connection,
        pytest.raises(psycopg.errors.FeatureNotSupported, match="pg_cron is not in database"),
    ):
        run_script(connection, "select schedule_lead_score_jobs()")


STALE = """
    insert into customers (email) select n::text from generate_series(1, 2500) as n;
    insert into orders (customer_id, created_at) select id, now() - interval '29 days' from customers;
    call rescore_stale_customers();
    set local session_replication_role = replica;
    update orders set created_at = created_at - interval '3 days';
    update customers set last_scored_at = last_scored_at - interval '3 days';
    update lead_score_rescoring set done_until = done_until - interval '3 days';
"""


@pytest.mark.parametrize("level", ["read committed", "serializable"])
def test_the_jobs_commands_run_and_commit_each_thousand(cron_engine, level):
    db.apply(cron_engine)
    run(cron_engine, STALE)
    with session(cron_engine, autocommit=True) as connection:
        connection.execute(f"set default_transaction_isolation = '{level}'")
        for job in db.schedule(cron_engine):
            connection.execute(job.command)
    with cron_engine.connect() as connection:
        assert connection.scalar(text("select count(*) from lead_score_drift(now())")) == 0
        transactions = connection.scalar(text("select count(distinct xmin::text) from customers"))
        assert transactions == 25  # each hundred has a subtransaction of its own
        finding = (
            "select finding like 'last one at%' from lead_score_health() where fact like 'time%'"
        )
        assert connection.scalar(text(finding))


@pytest.mark.slow
def test_pg_cron_itself_runs_both_jobs(cron_engine):
    db.apply(cron_engine)
    run(cron_engine, STALE)
    db.schedule(cron_engine, refresh="* * * * *", rescore="* * * * *")
    give_up = time.monotonic() + 150
    while [ok for ok, _ in health(cron_engine)] != [True] * 3 and time.monotonic() < give_up:
        time.sleep(1)
    assert [ok for ok, _ in health(cron_engine)] == [True] * 3, health(cron_engine)
    with cron_engine.connect() as connection:
        assert connection.scalar(text("select count(*) from lead_score_drift(now())")) == 0


def health(engine):
    with engine.connect() as connection:
        return connection.execute(
            text(
                "select ok, finding from lead_score_health() where fact like 'job %' order by fact"
            )
        ).all()


def ran(engine, job, status, ago, message=""):
    """Write down a run as pg_cron does."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                insert into cron.job_run_details (jobid, runid, status, return_message, start_time)
                select jobid, nextval('cron.runid_seq'), :status, :message, now() - cast(:ago as interval)
                from cron.job where jobname = :job
            """),
            {"job": job, "status": status, "ago": ago, "message": message},
        )


RESCORE = "rescore-stale-customers"
QUEUE = "score-queued-customers"


@pytest.mark.parametrize(
    ("schedule", "runs", "ok", "finding"),
    [
        ("30 2 * * *", [], None, "has not run yet"),
        ("30 2 * * *", [("succeeded", "24 hours")], True, "last run succeeded at"),
        ("30 2 * * *", [("succeeded", "26 hours")], False, "last run succeeded at"),
        ("30 2 * * *", [("succeeded", "9 hours"), ("failed", "1 hour")], False, ": no luck"),
        ("30 2 * * *", [("failed", "9 hours"), ("succeeded", "1 hour")], True, "succeeded"),
        ("30 2 * * *", [("succeeded", "9 hours"), ("running", "1 hour")], True, "succeeded"),
        ("0 * * * *", [("succeeded", "3 hours")], False, "succeeded"),
        ("30 2 * * 1", [("succeeded", "6 days")], True, "succeeded"),
        ("30 2 * * 1", [("succeeded", "8 days")], False, "succeeded"),
        ("30 2 1 * *", [("succeeded", "30 days")], True, "succeeded"),
        ("30 2 1 * *", [("succeeded", "33 days")], False, "succeeded"),
        ("30 2 1 6 *", [("succeeded", "300 days")], True, "succeeded"),
    ],
)
def test_health_tells_of_jobs_that_failed_or_were_missed(cron_engine, schedule, runs, ok, finding):
    db.apply(cron_engine)
    db.schedule(cron_engine, rescore=schedule)
    for status, ago in runs:
        ran(cron_engine, RESCORE, status, ago, message="no luck")
    refresh, rescore, queue = health(cron_engine)
    assert refresh == (None, "has not run yet")
    assert queue.ok is not False  # pg_cron itself may have run it meanwhile: it is due each minute
    assert rescore.ok is ok
    assert finding in rescore.finding
    failed = [check.fact for check in db.verify(cron_engine) if not check.passed]
    assert [fact for fact in failed if "job" in fact] == (
        ["No scheduled job has failed or been missed, as far as pg_cron tells."] * (ok is False)
    )


def test_health_tells_of_jobs_that_are_switched_off_or_not_there(cron_engine):
    db.apply(cron_engine)
    with cron_engine.begin() as connection:
        run_script(connection, "select cron.unschedule('refresh-customer-timeline')")
        run_script(connection, "update cron.job set active = false")
    assert health(cron_engine) == [
        (None, "not scheduled in pg_cron"),
        (False, "switched off"),
        (False, "switched off"),
    ]
