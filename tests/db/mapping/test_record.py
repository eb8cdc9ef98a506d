"""The mapping that a database remembers: every function goes by it, whatever else is given."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import create_engine

from rfm import db
from rfm.db.connect import run_script
from rfm.db.schema.migrations import migrations
from rfm.db.schema.status import State
from rfm.errors import InvalidArgument, InvalidMapping, MappingDiffers, RecordUnreadable
from rfm.testing import assert_scores_match, temporary_database
from tests.db.mapping.crm import FOLDER, NAMES, Crm, changed, mapping_of

SCHEMA = "two_order_tables"
EMAIL = 'email = "mail"\n'


@pytest.fixture
def shop(templates):
    """Give a CRM with a customer and an order, and rfm applied to it."""
    with temporary_database(templates(SCHEMA)) as engine:
        crm = Crm(engine, mapping_of(SCHEMA))
        ada = crm.customer()
        crm.on(
            crm.mapping.orders.tables[0],
            "insert into {table} ({customer}, {amount}) values (%s, 300)",
            ada,
        )
        crm.apply()
        yield crm


def everything(crm):
    return crm.catalogue(), [
        crm.run(f"select * from {table}")
        for table in ("rfm.mapping", "rfm.applied_migrations", "lead_score_models", "hot_leads")
    ]


def test_the_record_has_the_text_of_the_mapping_and_its_hash(shop):
    text = (FOLDER / f"{SCHEMA}.toml").read_text()
    [(toml, sha256, role)] = shop.run("select toml, sha256, recorded_by from rfm.mapping")
    assert toml == text
    assert sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert [(role,)] == shop.run("select current_user::text")
    assert db.recorded_mapping(shop.engine) == shop.mapping


def test_a_database_without_a_mapping_has_none(rfm_engine, rfm_crm_engine):
    assert db.recorded_mapping(rfm_engine) is None
    assert db.recorded_mapping(rfm_crm_engine) is None


def test_a_mapping_that_was_made_in_python_is_recorded_too(bare):
    entries = bare.mapping.model_dump(exclude_none=True)
    db.apply(bare.engine, db.Mapping.model_validate(entries))
    recorded = db.recorded_mapping(bare.engine)
    assert recorded
    assert recorded.model_dump() == bare.mapping.model_dump()
    assert db.apply(bare.engine, bare.mapping) == []


def test_every_function_goes_by_the_record(shop):
    engine = shop.engine
    assert db.plan(engine) == db.apply(engine) == []
    assert db.backfill(engine).rescored == 1
    assert {one.state for one in db.status(engine)} == {State.APPLIED, State.NOT_ENABLED}
    assert [one for one in db.verify(engine) if not one.passed] == []
    assert next(one.name for one in db.survey(engine)) == '"crm"."customer_profiles"'
    assert db.rescore_stale(engine) == 0
    assert_scores_match(engine)
    assert [one.name for one in db.rollback(engine)] == NAMES[::-1]
    assert db.recorded_mapping(engine) is None
    assert {one.state for one in db.status(engine)} == {State.MISSING, State.NOT_ENABLED}


def test_an_interrupted_apply_goes_on_by_the_record(shop):
    db.rollback(shop.engine, NAMES[0])
    assert [one.name for one in db.apply(shop.engine)] == NAMES[1:]
    assert {one.state for one in db.status(shop.engine)} == {State.APPLIED, State.NOT_ENABLED}


def test_another_mapping_is_refused_and_nothing_is_changed(shop):
    before = everything(shop)
    other = db.Mapping.parse(changed(SCHEMA, EMAIL, ""))
    for command in (db.apply, db.plan, db.survey, db.status, db.check_mapping):
        with pytest.raises(MappingDiffers) as caught:
            command(shop.engine, other)
        assert str(caught.value).startswith(
            f"1 problem with the mapping: database '{shop.engine.url.database}' was applied with "
            "another one: customers.email is missing in the given one, 'mail' in the recorded one\n"
            "nothing was changed; rfm db mapping prints"
        )
    assert everything(shop) == before


def test_every_entry_that_differs_is_named(shop):
    toml = changed(SCHEMA, "phase as stage", "'open' as stage")
    toml = toml.replace('"crm.customer_profiles"', '"crm.people"').replace('"card_holder"', '"who"')
    toml += '[[timeline]]\ntype = "note"\nselect = "select 1"\n'
    with pytest.raises(MappingDiffers) as caught:
        db.check_mapping(shop.engine, db.Mapping.parse(toml))
    places = [line.split()[1] for line in str(caught.value).splitlines()[1:-1]]
    assert places == [
        "customers.table",
        "orders.tables.2.customer",
        "deals.select",
        "timeline.3.type",
        "timeline.3.select",
    ]


def test_comments_and_white_space_are_no_difference(shop):
    other = db.Mapping.parse("# ours\n\n" + changed(SCHEMA, EMAIL, 'email   =   "mail" # shown\n'))
    assert other != shop.mapping
    assert db.plan(shop.engine, other) == db.apply(shop.engine, other) == []
    db.check_mapping(shop.engine, other)
    assert {one.state for one in db.status(shop.engine)} == {State.APPLIED, State.NOT_ENABLED}


def test_a_database_that_was_applied_without_a_mapping_refuses_one(rfm_engine):
    for command in (db.apply, db.plan, db.check_mapping):
        with pytest.raises(MappingDiffers, match="was applied without one; nothing was changed"):
            command(rfm_engine, mapping_of(SCHEMA))


def test_a_timeline_that_was_pasted_without_a_mapping_refuses_one(rfm_crm_engine):
    with rfm_crm_engine.begin() as connection:
        run_script(connection, migrations()[0].script)
    with pytest.raises(MappingDiffers, match="was applied without one"):
        db.apply(rfm_crm_engine, mapping_of(SCHEMA))


def test_what_is_not_a_mapping_is_one_clear_error(rfm_engine):
    commands: tuple[Any, ...] = (db.apply, db.plan, db.status, db.survey, db.check_mapping)
    for command in commands:
        with pytest.raises(
            InvalidArgument, match=r"pass a Mapping, as Mapping\.read returns it, not"
        ):
            command(rfm_engine, "rfm.toml")


def test_a_database_without_rfm_takes_any_mapping(bare):
    db.check_mapping(bare.engine, bare.mapping)
    db.check_mapping(bare.engine, mapping_of("quoted_names"))


def test_the_exported_files_record_their_mapping(bare, tmp_path):
    for path in db.export(tmp_path, bare.mapping):
        with bare.engine.begin() as connection:
            run_script(connection, path.read_text())
    assert db.recorded_mapping(bare.engine) == bare.mapping
    assert [one.name for one in db.apply(bare.engine)] == NAMES
    assert {one.state for one in db.status(bare.engine)} == {State.APPLIED, State.NOT_ENABLED}


def test_after_a_rollback_another_mapping_may_be_applied(shop):
    db.rollback(shop.engine)
    other = db.Mapping.parse(changed(SCHEMA, EMAIL, ""))
    db.apply(shop.engine, other)
    assert db.recorded_mapping(shop.engine) == other
    db.backfill(shop.engine)
    shop.assert_true()


def test_a_pooled_connection_sees_the_mapping_of_now(templates):
    with temporary_database(templates(SCHEMA)) as engine:
        pooled = create_engine(engine.url, pool_size=1)
        try:
            assert {one.state for one in db.status(pooled)} == {State.MISSING, State.NOT_ENABLED}
            db.apply(engine, mapping_of(SCHEMA))
            assert {one.state for one in db.status(pooled)} == {State.APPLIED, State.NOT_ENABLED}
        finally:
            pooled.dispose()


def test_a_role_that_may_not_read_the_record_is_told_the_grant(shop):
    role = f"reader_{shop.engine.url.database}"
    shop.run(f"create role {role} login; grant usage on schema crm, shop to {role}")
    reader = create_engine(shop.engine.url.set(username=role))
    try:
        for command in (db.status, db.plan, db.backfill, db.score_differences, db.active_model):
            with pytest.raises(RecordUnreadable, match="may not read the mapping of database"):
                command(reader)
        with pytest.raises(RecordUnreadable) as caught:
            db.recorded_mapping(reader)
        grant = str(caught.value).partition("can allow it: ")[2]
        assert grant.count("grant ") == 2
        shop.run(grant)
        assert db.recorded_mapping(reader) == shop.mapping
        assert {one.state for one in db.status(reader)} == {State.PASTED, State.NOT_ENABLED}
    finally:
        reader.dispose()
        shop.run(f"drop owned by {role}; drop role {role}")


def test_a_record_of_another_version_is_one_clear_error(shop):
    shop.run("update rfm.mapping set toml = toml || 'tenants = 3'")
    with pytest.raises(
        InvalidMapping, match="this version of rfm cannot read the mapping that the"
    ):
        db.status(shop.engine)
