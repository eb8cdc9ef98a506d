"""Who may call our functions, and who may change models and what rescoring remembers."""

import psycopg
import pytest

from rfm import db
from tests.db.security.roles import (
    signed_in,
)
from tests.support import run

OUR_CALLS = (
    "touch_lead_scores(array[]::uuid[])",
    "activate_lead_score_model(1)",
    "wait_for_lead_score_writers()",
    "fit_lead_score_model()",
    "lead_score_drift()",
    "lead_score_health()",
    "refresh_customer_activity_timeline()",
)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("call", OUR_CALLS)
def test_only_the_owner_and_the_service_call_our_functions(owner, role, call):
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select {call}")
    with signed_in(owner, "service_role") as connection:
        connection.execute(f"select {call}")
    db.backfill(owner)  # the model may be another one now


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_only_the_owner_and_the_service_rescore_stale_customers(owner, role):
    call = "call rescore_stale_customers()"
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(call)
    with signed_in(owner, "service_role") as connection:
        assert connection.execute(call).fetchone() == (0, False)
    run(owner, call)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("call", ["queue_stale_customers()", "schedule_lead_score_jobs()"])
def test_what_is_for_the_owner_alone_is_for_nobody_else(owner, role, call):
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select {call}")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize(
    "table", ["lead_score_rescoring", "lead_score_queue", "customer_activity_refresh"]
)
def test_nobody_but_the_owner_changes_what_rescoring_remembers(owner, role, table):
    with signed_in(owner, role) as connection:
        for statement in (f"delete from {table}", f"insert into {table} default values"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        if role == "service_role":
            connection.execute(f"select * from {table}")
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {table}")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_but_the_owner_changes_models(owner, role):
    for statement in (
        "insert into lead_score_models (recency, frequency, monetary) values ('{}', '{}', '{}')",
        "update lead_score_active_model set model_id = 1",
        "delete from lead_score_models",
        "truncate lead_score_active_model",
        "select nextval('lead_score_models_id_seq')",
    ):
        with (
            signed_in(owner, role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_not_even_the_owner_edits_a_model_or_leaves_none_active(owner):
    for statement in (
        "update lead_score_models set weights = '{1,1,4}'",
        "delete from lead_score_models",
        "delete from lead_score_active_model",
        "truncate lead_score_models cascade",
    ):
        with owner.begin() as connection, pytest.raises(Exception, match="never edited"):
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("table", ["lead_score_models", "lead_score_active_model"])
def test_models_are_for_the_owner_and_the_service(owner, role, table):
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select * from {table}")
    with signed_in(owner, "service_role") as connection:
        assert connection.execute(f"select count(*) from {table}").fetchone() == (1,)
