"""What has a name of rfm's and is not rfm's is refused by name, and never replaced or dropped."""

import psycopg
import pytest

from rfm import db
from rfm.db.mapping.template import InvalidSlot
from rfm.db.schema.indexes import build_indexes
from rfm.db.schema.migrations import Migration, migrations
from rfm.db.schema.ownership import find_objects, foreign_objects
from rfm.db.schema.status import State
from rfm.db.sql import read_sql
from rfm.errors import PreflightFailed
from rfm.testing import temporary_database
from tests.db.schema.catalogue import catalogue
from tests.db.schema.created import assert_lists_are_true
from tests.support import run

NAMES = [migration.name for migration in migrations() if not migration.opt_in]

# each with what the message says of it
STRANGERS = {
    "create table lead_score_models (name text)": "table public.lead_score_models",
    "create function calculate_lead_score() returns integer return 1": "function public.calculate_lead_score()",
    "create procedure lead_score_health(boolean) language sql as ''": "procedure public.lead_score_health(boolean)",
    "create view hot_leads as select 1 as id": "view public.hot_leads",
    "create table hot_leads (id int)": "table public.hot_leads",
    "create materialized view customer_activity_timeline as select 1 as id": "materialized view public.customer_activity_timeline",
    "create index idx_customers_lead_score on customers (email)": "index public.idx_customers_lead_score",
    "create index idx_orders_lead_score_time on messages (created_at)": "index public.idx_orders_lead_score_time",
    "alter table customers add constraint idx_customers_rfm_scores unique (email)": "index public.idx_customers_rfm_scores",
    "create sequence lead_score_models_id_seq": "sequence public.lead_score_models_id_seq",
    "create type lead_score_queue as enum ('a')": "type public.lead_score_queue",
    "alter table customers add column lead_score integer": "column public.customers.lead_score",
    """create function theirs() returns trigger language plpgsql as 'begin return new; end';
    create trigger calculate_customer_lead_score before insert on customers
    for each row execute function theirs()""": "trigger calculate_customer_lead_score on public.customers",
}


def test_each_list_is_what_its_migration_creates(rfm_crm_engine):
    assert_lists_are_true(rfm_crm_engine)


@pytest.fixture(scope="module")
def crm(rfm_crm_template):
    with temporary_database(rfm_crm_template) as engine:
        yield engine


@pytest.mark.parametrize(("script", "name"), STRANGERS.items(), ids=STRANGERS.values())
def test_a_stranger_of_any_kind_is_refused_by_name_with_its_owner(crm, script, name):
    wanted = [one for migration in migrations() for one in migration.objects]
    with crm.connect() as connection:
        connection.exec_driver_sql(script)
        [sentence] = foreign_objects(connection, wanted)
        connection.rollback()
    assert sentence.startswith(name)
    assert "of role postgres is not rfm's" in sentence


def test_all_strangers_are_refused_at_once_before_anything_is_touched(rfm_crm_engine):
    conflicting = ("create table hot_leads", "create table lead_score_models")
    kept = {s: n for s, n in STRANGERS.items() if not s.startswith(conflicting)}
    run(rfm_crm_engine, ";".join(kept))
    before = catalogue(rfm_crm_engine)
    for change in (db.plan, db.apply):
        with pytest.raises(PreflightFailed, match=f"{len(kept)} problems") as caught:
            change(rfm_crm_engine)
        for name in kept.values():
            assert f"{name} " in str(caught.value)
    missing = [*[State.MISSING] * len(NAMES), State.NOT_ENABLED]
    assert [one.state for one in db.status(rfm_crm_engine)] == missing
    assert db.rollback(rfm_crm_engine) == []
    assert catalogue(rfm_crm_engine) == before


def test_rollback_undoes_nothing_if_the_first_file_has_a_stranger(rfm_engine):
    run(
        rfm_engine,
        "drop index idx_customer_activity_type; create index idx_customer_activity_type on messages (subject)",
    )
    before = catalogue(rfm_engine)
    with pytest.raises(PreflightFailed, match=r"index public\.idx_customer_activity_type"):
        db.rollback(rfm_engine)
    assert catalogue(rfm_engine) == before


def test_a_trigger_that_was_created_again_by_hand_is_ours(rfm_engine):
    recreate = """
        drop trigger calculate_customer_lead_score on customers;
        create trigger calculate_customer_lead_score
        before insert or update on customers for each row execute function calculate_lead_score();
    """
    run(rfm_engine, recreate)
    assert db.plan(rfm_engine) == []
    whole = [migration.name for migration in db.rollback(rfm_engine)]
    assert whole == NAMES[::-1]


def test_the_shipped_query_that_recreates_the_trigger_sets_the_mark(rfm_engine):
    before = catalogue(rfm_engine)
    run(rfm_engine, read_sql("queries/maintenance/recreate_scoring_trigger"))
    assert catalogue(rfm_engine) == before


def test_every_index_on_a_table_of_the_crm_is_built_concurrently(rfm_crm_engine):
    for migration in migrations():
        build_indexes(rfm_crm_engine, migration)
    listed = {
        one
        for migration in migrations()
        for one in migration.objects
        if one.kind == "index" and one.table in {"public.customers", "public.orders"}
    }
    with rfm_crm_engine.connect() as connection:
        found = find_objects(connection, listed)
    assert {one.wanted for one in found if one.is_complete and one.is_ours} == listed
    assert len(listed) == 5
    before = run(rfm_crm_engine, "select oid from pg_class where relkind = 'i' order by oid")
    db.apply(rfm_crm_engine)
    on_base_tables = """
        select c.oid from pg_index as i inner join pg_class as c on c.oid = i.indexrelid
        where i.indrelid in ('customers'::regclass, 'orders'::regclass, 'messages'::regclass, 'deals'::regclass)
    """
    assert set(run(rfm_crm_engine, on_base_tables)) <= set(before)


def test_an_index_of_another_style_cannot_be_marked_as_concurrent(rfm_crm_engine):
    index = migrations()[1].objects
    odd = Migration("odd", "", "", index, concurrent_indexes=("CREATE INDEX a ON orders (id);",))
    with pytest.raises(InvalidSlot, match="begins with 'create index if not exists '"):
        build_indexes(rfm_crm_engine, odd)


def test_a_pasted_fourth_file_waits_for_orders_a_moment_at_a_time(rfm_crm_engine):
    for name in NAMES[:3]:
        run(rfm_crm_engine, read_sql(f"migrations/{name}"))
    fourth = read_sql(f"migrations/{NAMES[3]}")
    # the third try would succeed; here one is enough to see that nobody waits behind it
    once = fourth.replace("for attempt in 1..30 loop", "for attempt in 1..2 loop")
    with rfm_crm_engine.begin() as sale:
        sale.exec_driver_sql("insert into orders (total_cents) values (1)")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="within some seconds"):
            run(rfm_crm_engine, once)
    run(rfm_crm_engine, fourth)
    with rfm_crm_engine.begin() as sale:  # the index is there: no lock at all
        sale.exec_driver_sql("insert into orders (total_cents) values (1)")
        run(rfm_crm_engine, fourth)
