"""plpgsql_check finds nothing to say, where the server has it (.ci/run installs it)."""

import pytest
from sqlalchemy import text

FUNCTIONS = {
    "calculate_lead_score()": "'customers'",
    "recalculate_customer_lead_score()": "'orders', newtable => 'new_orders'",
    "recalculate_lead_score_siblings()": "'orders', newtable => 'new_orders', oldtable => 'old_orders'",
    "refuse_lead_score_model_change()": "'lead_score_models'",
    "touch_lead_scores(anyarray)": "0, anyelememttype => 'uuid'",
    "activate_lead_score_model(integer)": "0",
    "wait_for_lead_score_writers(interval)": "0",
    "fit_lead_score_model(timestamptz)": "0",
    "refresh_customer_activity_timeline()": "0",
}


@pytest.fixture
def checked(rfm_engine):
    with rfm_engine.begin() as connection:
        if not connection.scalar(
            text("select count(*) from pg_available_extensions where name = 'plpgsql_check'")
        ):
            pytest.skip("this server has no plpgsql_check")
        connection.exec_driver_sql("create extension plpgsql_check")
        yield connection


@pytest.mark.parametrize(("function", "arguments"), FUNCTIONS.items())
def test_plpgsql_check_is_clean(checked, function, arguments):
    found = checked.exec_driver_sql(
        f"select * from plpgsql_check_function('{function}', {arguments}, all_warnings => true)"
    )
    assert found.all() == []


def test_every_plpgsql_function_of_ours_is_checked(checked):
    names = checked.exec_driver_sql("""
        select p.oid::regprocedure::text
        from pg_proc p inner join pg_language l on l.oid = p.prolang
        where p.pronamespace = 'public'::regnamespace and l.lanname = 'plpgsql'
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    """)
    normal = {name.replace("timestamptz", "timestamp with time zone") for name in FUNCTIONS}
    assert set(names.scalars()) == normal
