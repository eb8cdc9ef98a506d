"""plpgsql_check finds nothing to say, where the server has it (.ci/run installs it)."""

import pytest
from sqlalchemy import text

from rfm import db

FUNCTIONS = {
    "calculate_lead_score()": "'customers'",
    "recalculate_customer_lead_score()": "'orders', newtable => 'new_orders'",
    "recalculate_lead_score_siblings()": "'orders', newtable => 'new_orders', oldtable => 'old_orders'",
    "refuse_lead_score_model_change()": "'lead_score_models'",
    "calculate_customer_prospect()": "'customers'",
    "refuse_lead_score_segment_map_change()": "'lead_score_segment_maps'",
    "follow_lead_score_model()": "'lead_score_active_model'",
    "activate_lead_score_segment_map(integer)": "0",
    "restore_lead_score_rescoring()": "'lead_score_rescoring'",
    "touch_lead_scores(uuid[])": "0",
    "touch_free_customers(uuid[])": "0",
    "score_customers_of_orders(uuid[])": "0",
    "score_customers(uuid[])": "0",
    "score_queued_customers(integer,timestamptz)": "0",
    "activate_lead_score_model(integer)": "0",
    "wait_for_lead_score_writers(interval)": "0",
    "fit_lead_score_model(timestamptz)": "0",
    "refresh_customer_activity_timeline()": "0",
    "explain_lead_score(uuid)": "0",
    "queue_stale_customers()": "0",
    "rescore_stale_customers(integer,bigint,boolean)": "0",
}

# of two tables: each has a column that the other has not, in a branch of its own
OF_TWO_TABLES = {"restore_lead_score_model()", "restore_lead_score_segment_map()"}

# those name what is in the schema cron
OF_PG_CRON = {"schedule_lead_score_jobs(text,text)": "0", "lead_score_health(boolean)": "0"}


def with_extension(connection):
    if not connection.scalar(
        text("select count(*) from pg_available_extensions where name = 'plpgsql_check'")
    ):
        pytest.skip("this server has no plpgsql_check")
    connection.exec_driver_sql("create extension if not exists plpgsql_check with schema public")
    return connection


@pytest.fixture
def checked(rfm_engine):
    with rfm_engine.begin() as connection:
        yield with_extension(connection)


def check(connection, function, arguments, warnings="all_warnings => true"):
    return connection.exec_driver_sql(
        f"select * from plpgsql_check_function('{function}', {arguments}, {warnings})"
    ).all()


@pytest.mark.parametrize(("function", "arguments"), FUNCTIONS.items())
def test_plpgsql_check_is_clean(checked, function, arguments):
    assert check(checked, function, arguments) == []


@pytest.mark.parametrize(("function", "arguments"), OF_PG_CRON.items())
def test_plpgsql_check_is_clean_where_pg_cron_is(cron_engine, function, arguments):
    db.apply(cron_engine)
    # all but the advice to make dynamic SQL static: it has to work where there is no pg_cron
    warnings = "extra_warnings => true, security_warnings => true, compatibility_warnings => true"
    with cron_engine.begin() as connection:
        assert check(with_extension(connection), function, arguments, warnings) == []


def test_every_plpgsql_function_of_ours_is_checked(checked):
    names = checked.exec_driver_sql("""
        select p.oid::regprocedure::text
        from pg_proc p inner join pg_language l on l.oid = p.prolang
        where p.pronamespace = 'public'::regnamespace and l.lanname = 'plpgsql'
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    """)
    normal = {
        name.replace("timestamptz", "timestamp with time zone") for name in FUNCTIONS | OF_PG_CRON
    }
    assert set(names.scalars()) == normal | OF_TWO_TABLES
