"""The daily refresh with a real pg_cron, where the server has it (.ci/run installs it)."""

import pytest
from sqlalchemy import make_url, text

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.migrations import read_sql
from rfm.testing import server_address


@pytest.fixture
def cron_engine():
    """Give the one database of the server that can have pg_cron, with the CRM's base tables."""
    engine = connect(
        make_url(server_address()).set(database="rfm_cron").render_as_string(hide_password=False)
    )
    with connect(server_address()).connect() as connection:
        found = connection.scalar(
            text("select count(*) from pg_available_extensions where name = 'pg_cron'")
        )
        if not found:
            pytest.skip("this server has no pg_cron")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "drop schema if exists public, rfm cascade; create schema public;"
            "drop extension if exists pg_cron; create extension pg_cron"
        )
        run_script(connection, read_sql("demo", "base_tables"))
    return engine


def jobs(engine):
    with engine.connect() as connection:
        return connection.execute(text("select jobname, schedule, command from cron.job")).all()


JOB = (
    "refresh-customer-timeline",
    "0 2 * * *",
    "select public.refresh_customer_activity_timeline()",
)


def test_the_refresh_is_scheduled_once_and_unscheduled_by_the_rollback(cron_engine):
    db.apply(cron_engine)
    assert jobs(cron_engine) == [JOB]
    with cron_engine.begin() as connection:
        run_script(connection, db.migrations()[2].script)
    assert jobs(cron_engine) == [JOB]
    with cron_engine.begin() as connection:
        connection.exec_driver_sql(JOB[2])
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
    assert [job.jobname for job in jobs(cron_engine)] == [JOB[0]]
