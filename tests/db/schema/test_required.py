"""A command on a database that lacks its migration: one error that names it, and nothing is changed."""

from collections.abc import Callable
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text

import rfm
from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.db.sql import read_sql
from rfm.errors import SchemaNewer, SchemaOutdated
from rfm.testing import assert_scores_match, temporary_database
from tests.support import run

NAMES = [migration.name for migration in migrations() if not migration.opt_in]
SCORING = NAMES[1]
COMMANDS: dict[str, Callable[[Engine], object]] = {
    "active_model": db.active_model,
    "activate": lambda engine: db.activate(engine, 1),
    "backfill": db.backfill,
    "fit": lambda engine: db.fit(engine, min_customers=1),
    "models": db.models,
    "simulate": lambda engine: db.simulate(engine, rfm.PUBLISHED),
    "store_model": lambda engine: db.store_model(engine, rfm.PUBLISHED),
    "score_differences": db.score_differences,
    "assert_scores_match": assert_scores_match,
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())


@every_command
def test_a_database_with_the_first_migration_alone_is_refused(rfm_crm_engine, command):
    run(rfm_crm_engine, read_sql(f"migrations/{NAMES[0]}"))
    with pytest.raises(SchemaOutdated, match=f"{SCORING} is missing.*run `rfm.db.apply`"):
        command(rfm_crm_engine)


@every_command
def test_a_database_whose_migration_was_another_text_is_refused(rfm_engine, command):
    run(rfm_engine, "update rfm.applied_migrations set checksum = 'older'")
    with pytest.raises(SchemaOutdated, match=f"{SCORING} is edited.*version that applied it"):
        command(rfm_engine)


@every_command
def test_a_database_in_which_something_was_dropped_is_refused(rfm_engine, command):
    run(rfm_engine, "drop function touch_lead_scores(uuid[])")
    with pytest.raises(
        SchemaOutdated, match=r"damaged: it lacks function public\.touch_lead_scores"
    ):
        command(rfm_engine)


WRITERS: dict[str, Callable[[Engine], object]] = {
    "apply": db.apply,
    "plan": db.plan,
    "rescore_stale": db.rescore_stale,
    "rollback": db.rollback,
    "schedule": db.schedule,
}


@pytest.mark.parametrize("command", (COMMANDS | WRITERS).values(), ids=COMMANDS | WRITERS)
def test_a_database_of_a_newer_version_is_refused(rfm_engine, command):
    run(rfm_engine, "insert into rfm.applied_migrations (name, checksum) values ('2099_new', 'x')")
    says = (
        f"1 applied migration is of a newer version than rfm {rfm.__version__}.*2099_new.*upgrade"
    )
    with pytest.raises(SchemaNewer, match=says):
        command(rfm_engine)


def test_status_and_verify_tell_of_a_newer_version(rfm_engine):
    run(rfm_engine, "insert into rfm.applied_migrations (name, checksum) values ('2099_new', 'x')")
    last = db.status(rfm_engine)[-1]
    assert (last.migration.name, last.state, last.missing) == ("2099_new", db.State.NEWER, ())
    assert last.applied_at
    [failed] = [check for check in db.verify(rfm_engine) if not check.passed]
    assert failed.found == "not known: 2099_new"


@every_command
def test_an_empty_database_is_refused(command):
    with temporary_database() as engine, pytest.raises(SchemaOutdated, match="is missing"):
        command(engine)


@every_command
def test_what_was_pasted_by_hand_counts_and_a_dropped_index_does_not(rfm_crm_engine, command):
    for name in NAMES[:3]:
        run(rfm_crm_engine, read_sql(f"migrations/{name}"))
    run(rfm_crm_engine, "drop index idx_customers_rfm_scores; drop index idx_orders_lead_score")
    run(
        rfm_crm_engine,
        "insert into customers (email) values ('ada@example.com');"
        "insert into orders (customer_id, total_cents) select id, 100 from customers",
    )
    command(rfm_crm_engine)


@contextmanager
def signed_in_as(engine, role):
    """Yield an engine for a new role that may do what Supabase's service_role may."""
    run(engine, f"create role {role} login bypassrls; grant select on customers, orders to {role}")
    run(engine, f"grant select on lead_score_models, lead_score_active_model to {role}")
    run(engine, f"grant select on lead_score_orders, lead_score_customers to {role}")
    signed_in = create_engine(engine.url.set(username=role))
    try:
        yield signed_in
    finally:
        signed_in.dispose()
        run(engine, f"drop owned by {role}; drop role {role}")


def test_a_role_that_may_not_read_the_record_is_let_in_by_what_it_sees(rfm_engine):
    with signed_in_as(rfm_engine, f"reader_{rfm_engine.url.database}") as reader:
        assert db.score_differences(reader).is_empty()
        assert db.active_model(reader) == rfm.PUBLISHED
        assert {one.state for one in db.status(reader)} == {db.State.PASTED, db.State.NOT_ENABLED}


def test_verify_reports_on_an_outdated_database_and_raises_nothing(rfm_crm_engine):
    run(rfm_crm_engine, read_sql(f"migrations/{NAMES[0]}"))
    checks = db.verify(rfm_crm_engine)
    assert {check.passed for check in checks} == {True, False}
    with rfm_crm_engine.connect() as connection:
        assert connection.scalar(text("select to_regclass('lead_score_models')")) is None
