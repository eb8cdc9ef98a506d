"""Applying, rolling back, looking at and exporting the migrations."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import create_engine, text

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.db.schema.status import State
from rfm.db.sql import read_sql
from rfm.errors import (
    DatabaseBusy,
    FileInTheWay,
    MigrationEdited,
    PreflightFailed,
    UnknownMigration,
)
from rfm.testing import temporary_database
from tests.db.schema.catalogue import KEPT, catalogue
from tests.support import create_roles, run, supabase

NAMES = [migration.name for migration in migrations() if not migration.opt_in]
ALL = len(NAMES)


def states(engine):
    return [one.state for one in db.status(engine) if not one.migration.opt_in]


def paste(engine, name):
    run(engine, read_sql(f"migrations/{name}"))


def test_apply_creates_everything_and_records_it(rfm_crm_engine):
    assert states(rfm_crm_engine) == [State.MISSING] * ALL
    assert db.apply(rfm_crm_engine) == [one for one in migrations() if not one.opt_in]
    assert states(rfm_crm_engine) == [State.APPLIED] * ALL


def test_applying_twice_is_applying_once(rfm_engine):
    before = catalogue(rfm_engine)
    assert db.apply(rfm_engine) == []
    assert catalogue(rfm_engine) == before


def test_pasting_twice_is_pasting_once(rfm_crm_engine):
    for name in NAMES:
        paste(rfm_crm_engine, name)
    once = catalogue(rfm_crm_engine)
    for name in NAMES:
        paste(rfm_crm_engine, name)
    assert catalogue(rfm_crm_engine) == once


def test_status_tells_what_was_pasted_by_hand_and_apply_puts_it_on_record(rfm_crm_engine):
    paste(rfm_crm_engine, NAMES[0])
    assert states(rfm_crm_engine) == [State.PASTED, *[State.MISSING] * (ALL - 1)]
    pasted = catalogue(rfm_crm_engine)
    db.apply(rfm_crm_engine)
    db.rollback(rfm_crm_engine, to=NAMES[0])
    assert states(rfm_crm_engine) == [State.APPLIED, *[State.MISSING] * (ALL - 1)]
    assert catalogue(rfm_crm_engine) == pasted


def test_status_tells_what_is_missing_and_apply_repairs_it(rfm_engine):
    create_roles()  # the file grants to those that there are; the template may be older than they
    paste(rfm_engine, NAMES[1])
    whole = catalogue(rfm_engine)
    with rfm_engine.begin() as connection:
        connection.execute(text("drop trigger calculate_customer_lead_score on customers"))
    assert states(rfm_engine) == [State.APPLIED, State.DAMAGED, *[State.APPLIED] * (ALL - 2)]
    assert [str(o) for o in db.status(rfm_engine)[1].missing] == [
        "trigger calculate_customer_lead_score on public.customers"
    ]
    db.apply(rfm_engine)
    assert catalogue(rfm_engine) == whole


def test_half_a_paste_is_partial(rfm_crm_engine):
    paste(rfm_crm_engine, NAMES[0])
    with rfm_crm_engine.begin() as connection:
        connection.execute(text("drop index idx_customer_activity_type"))
    assert states(rfm_crm_engine)[0] is State.PARTIAL


def test_up_down_up_leaves_the_same_catalogue(rfm_crm_engine):
    steps = [catalogue(rfm_crm_engine)]
    for name in NAMES:
        paste(rfm_crm_engine, name)
        steps.append(catalogue(rfm_crm_engine))
    for name in reversed(NAMES):
        assert catalogue(rfm_crm_engine) == steps.pop()
        run(rfm_crm_engine, read_sql(f"rollback/{name}"))
    assert catalogue(rfm_crm_engine) == steps.pop()
    db.apply(rfm_crm_engine)
    up = catalogue(rfm_crm_engine)
    db.rollback(rfm_crm_engine)
    db.apply(rfm_crm_engine)
    assert catalogue(rfm_crm_engine) == up


def test_up_down_up_leaves_the_catalogue_that_is_kept_with_supabases_grants_too():
    """Where this fails after a new migration: `make catalogue`, and read the difference."""
    kept = KEPT.read_text(encoding="utf-8")
    with supabase() as engine:
        for _ in range(2):
            db.apply(engine)
            db.enable_history(engine)
            assert catalogue(engine) == kept
            db.rollback(engine)


def test_rollback_undoes_newest_first_and_keeps_the_rest(rfm_engine):
    assert [m.name for m in db.rollback(rfm_engine, to=NAMES[0])] == NAMES[:0:-1]
    assert states(rfm_engine) == [State.APPLIED, *[State.MISSING] * (ALL - 1)]
    assert [m.name for m in db.rollback(rfm_engine)] == [NAMES[0]]
    assert db.rollback(rfm_engine) == []


def test_rollback_refuses_a_name_that_is_no_migration(rfm_engine):
    with pytest.raises(UnknownMigration, match="there is no migration 'nonsense'"):
        db.rollback(rfm_engine, to="nonsense")
    assert states(rfm_engine) == [State.APPLIED] * ALL


def test_an_edited_migration_is_reported_and_stops_apply(rfm_engine):
    with rfm_engine.begin() as connection:
        connection.execute(
            text("update rfm.applied_migrations set checksum = 'other' where name = :n"),
            {"n": NAMES[1]},
        )
    assert states(rfm_engine)[1] is State.EDITED
    with pytest.raises(MigrationEdited, match=NAMES[1]):
        db.apply(rfm_engine)


def test_preflight_lists_everything_that_is_missing_and_changes_nothing():
    with temporary_database() as engine:
        run(engine, "create table customers (id bigint, full_name text)")
        run(engine, "create view orders as select 1 as id")
        with pytest.raises(PreflightFailed) as caught:
            db.apply(engine)
        message = str(caught.value)
        for problem in (
            "5 problems in database",
            "column public.customers.email is missing",
            "column public.customers.id is int8, not uuid",
            "table public.orders is missing, or is no table",
            "table public.messages is missing",
            "table public.deals is missing",
        ):
            assert problem in message
        with engine.connect() as connection:
            assert connection.scalar(text("select to_regnamespace('rfm')")) is None


def test_a_failing_migration_leaves_nothing_behind(rfm_crm_engine):
    # ours by its mark, but not to be replaced
    run(
        rfm_crm_engine,
        "create view hot_leads as select 1 as something; comment on view hot_leads is '(rfm)'",
    )
    for migration in migrations()[:2]:
        paste(rfm_crm_engine, migration.name)
    before = catalogue(rfm_crm_engine)
    with pytest.raises(psycopg.errors.InvalidTableDefinition):
        db.apply(rfm_crm_engine)
    assert catalogue(rfm_crm_engine) == before
    assert states(rfm_crm_engine)[:2] == [State.APPLIED] * 2


THEIRS = """
    alter table customers add column lead_score integer;
    update customers set lead_score = 77;
    create table lead_score_models (name text);
    insert into lead_score_models values ('mine');
"""


def test_columns_and_tables_of_somebody_else_are_neither_taken_over_nor_dropped(rfm_crm_engine):
    run(rfm_crm_engine, "insert into customers (email) values ('ada@example.com')")
    run(rfm_crm_engine, THEIRS)
    before = catalogue(rfm_crm_engine)
    for change in (db.plan, db.apply):
        with pytest.raises(PreflightFailed, match="not rfm's") as caught:
            change(rfm_crm_engine)
        assert "column public.customers.lead_score" in str(caught.value)
        assert "table public.lead_score_models" in str(caught.value)
    assert db.rollback(rfm_crm_engine) == []
    assert catalogue(rfm_crm_engine) == before
    with rfm_crm_engine.connect() as connection:
        assert connection.scalar(text("select lead_score from customers")) == 77


@pytest.mark.parametrize("options", [{}, {"isolation_level": "AUTOCOMMIT"}, {"pool_size": 2}])
def test_any_engine_of_sqlalchemy_will_do_and_no_lock_stays_behind(rfm_crm_engine, options):
    engine = create_engine(rfm_crm_engine.url, **options)
    try:
        assert len(db.apply(engine)) == ALL
        assert db.apply(engine) == []
        assert db.apply(rfm_crm_engine) == []
        with engine.connect() as connection:
            assert connection.scalar(text("show lock_timeout")) == "0"
            locks = connection.scalar(
                text("select count(*) from pg_locks where mode = 'ShareUpdateExclusiveLock'")
            )
        assert locks == 0
        assert db.backfill(engine).finished
        assert len(db.rollback(engine)) == ALL
        assert db.rollback(engine) == []
    finally:
        engine.dispose()


def test_a_file_and_its_record_commit_together_under_autocommit_too(rfm_crm_engine):
    run(
        rfm_crm_engine,
        "create schema rfm; create table rfm.applied_migrations"
        " (name text primary key check (false), checksum text, applied_at timestamptz)",
    )
    engine = create_engine(rfm_crm_engine.url, isolation_level="AUTOCOMMIT")
    with pytest.raises(psycopg.errors.CheckViolation):
        db.apply(engine)
    engine.dispose()
    assert states(rfm_crm_engine) == [State.MISSING] * ALL


def test_a_lock_that_cannot_be_had_changes_nothing_and_a_second_call_succeeds(rfm_crm_engine):
    with rfm_crm_engine.begin() as holder:
        holder.exec_driver_sql("insert into customers (email) values ('ada@example.com')")
        with pytest.raises(DatabaseBusy, match="run the command again"):
            db.apply(rfm_crm_engine)
    assert states(rfm_crm_engine) == [State.APPLIED, *[State.MISSING] * (ALL - 1)]
    db.apply(rfm_crm_engine)
    assert states(rfm_crm_engine) == [State.APPLIED] * ALL


def test_an_index_that_was_left_half_built_is_built_anew(rfm_crm_engine):
    run(
        rfm_crm_engine,
        "create index idx_orders_lead_score on orders (id);"
        "update pg_index set indisvalid = false"
        " where indexrelid = 'idx_orders_lead_score'::regclass",
    )
    db.apply(rfm_crm_engine)
    with rfm_crm_engine.connect() as connection:
        definition, valid = connection.exec_driver_sql("""
            select pg_get_indexdef(indexrelid), indisvalid from pg_index
            where indexrelid = 'idx_orders_lead_score'::regclass
        """).one()
    assert valid
    assert "INCLUDE (total_cents)" in definition


def test_applying_waits_for_no_reader_and_no_writer_of_orders_for_long(rfm_crm_engine):
    """A sale under way delays the index on orders; other sales go on meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        with rfm_crm_engine.begin() as sale:
            sale.exec_driver_sql("insert into orders (total_cents) values (1)")
            applying = pool.submit(db.apply, rfm_crm_engine)
            with rfm_crm_engine.begin() as another:
                another.exec_driver_sql("set local lock_timeout = '1s'")
                another.exec_driver_sql("insert into orders (total_cents) values (2)")
            assert not applying.done()
        assert len(applying.result(timeout=20)) == ALL


def test_twenty_concurrent_applies_are_one(rfm_crm_engine):
    start = threading.Barrier(20)

    def apply(_):
        start.wait()
        return db.apply(rfm_crm_engine)

    with ThreadPoolExecutor(20) as pool:
        applied = [migration for done in pool.map(apply, range(20)) for migration in done]
    assert sorted(m.name for m in applied) == NAMES
    assert states(rfm_crm_engine) == [State.APPLIED] * ALL


def test_export_writes_the_files_where_supabase_looks_and_never_over_another(tmp_path):
    written = db.export(tmp_path)
    assert [p.name for p in written] == [f"{name}.sql" for name in NAMES]
    assert written[0].parent == tmp_path / "supabase" / "migrations"
    assert [p.read_text() for p in written] == [m.script for m in migrations() if not m.opt_in]
    assert db.export(tmp_path) == []
    written[1].write_text("mine")
    written[2].unlink()
    with pytest.raises(FileInTheWay, match=NAMES[1]):
        db.export(tmp_path)
    assert written[1].read_text() == "mine"
    assert not written[2].exists()
