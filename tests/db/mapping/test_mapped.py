"""A mapped CRM: the same scores as on the default tables."""

import psycopg
import pytest
from psycopg import sql

from rfm import db
from rfm.db.connect import run_script
from rfm.db.mapping.slots import quoted
from rfm.db.schema.status import State
from rfm.errors import UnknownCustomer
from rfm.testing import temporary_database
from tests.db.mapping.crm import NAMES, Crm, identifier, mapping_of
from tests.db.schema.created import assert_lists_are_true


def test_a_mapped_crm_is_planned_applied_scored_and_verified(bare):
    ada = bare.customer()
    for orders in bare.mapping.orders.tables:
        bare.on(orders, "insert into {table} ({customer}, {amount}) values (%s, 300)", ada)
    assert [m.name for m in db.plan(bare.engine, bare.mapping)] == NAMES
    survey = db.survey(bare.engine, bare.mapping)
    assert {table.estimated_rows for table in survey} == {None}
    with bare.engine.begin() as connection:
        run_script(connection, "analyze")
    survey = db.survey(bare.engine, bare.mapping)
    assert {table.name: table.estimated_rows for table in survey} == {
        quoted(table): 1
        for table in (bare.mapping.customers.table, *(o.table for o in bare.mapping.orders.tables))
    }
    assert [m.name for m in bare.apply()] == NAMES
    assert bare.score(ada) == 0
    assert db.backfill(bare.engine).rescored == 1
    states = [one.state for one in db.status(bare.engine)]
    assert states == [*[State.APPLIED] * len(NAMES), State.NOT_ENABLED]
    assert [check for check in db.verify(bare.engine) if not check.passed] == []
    assert bare.score(ada) > 6
    assert bare.apply() == []
    bare.assert_true()


def test_each_list_is_what_its_migration_creates_in_a_mapped_schema(bare):
    assert_lists_are_true(bare.engine, bare.mapping)


def test_whatever_changes_the_orders_of_any_table_scores_their_customers(crm):
    ada, bob = crm.customer(), crm.customer()
    alone = crm.score(ada)
    for orders in crm.mapping.orders.tables:
        crm.on(
            orders, "insert into {table} ({customer}, {amount}) values (%s, 300), (%s, 1)", ada, bob
        )
        assert crm.score(ada) > alone
        crm.assert_true()
        crm.on(
            orders,
            "update {table} set {amount} = 100000, {at} = {at} - interval '90 days' where {customer} = %s",
            ada,
        )
        crm.assert_true()
        crm.on(orders, "update {table} set {customer} = %s where {customer} = %s", bob, ada)
        crm.assert_true()
        assert crm.score(bob) > alone
        crm.on(orders, "delete from {table} where {amount} = 1")
        crm.assert_true()
        crm.on(orders, "truncate {table}")
        crm.assert_true()
        assert (crm.score(ada), crm.score(bob)) == (alone, alone)


def test_a_score_that_time_has_changed_is_made_again(crm):
    ada = crm.customer()
    for orders in crm.mapping.orders.tables:
        crm.on(orders, "insert into {table} ({customer}, {amount}) values (%s, 300)", ada)
    db.rescore_stale(crm.engine)
    before = crm.score(ada)
    # as if both the orders and the score were two months old
    with crm.engine.begin() as connection:
        run_script(connection, "set local session_replication_role = replica")
        names = {"customers": crm.mapping.customers.table}
        for script, given in [
            ("update {customers} set last_scored_at = last_scored_at - interval '61 days'", names),
            *(
                (
                    "update {table} set {at} = {at} - interval '61 days'",
                    {"table": o.table, "at": o.ordered_at},
                )
                for o in crm.mapping.orders.tables
            ),
        ]:
            quoted_names = {key: sql.SQL(identifier(value)) for key, value in given.items()}
            connection.connection.cursor().execute(sql.SQL(script).format(**quoted_names))
        run_script(
            connection,
            "update lead_score_rescoring set done_until = done_until - interval '61 days'",
        )
    assert crm.run("select * from lead_score_drift()") == []
    assert db.rescore_stale(crm.engine) == 1
    assert crm.score(ada) == before - 2 * 3
    crm.assert_true()


def test_a_score_is_explained_whatever_the_tables_are_called(crm):
    ada = crm.customer()
    for orders in crm.mapping.orders.tables:
        crm.on(orders, "insert into {table} ({customer}, {amount}) values (%s, 300)", ada)
    found = db.explain(crm.engine, ada)
    assert (found.customer_id, found.lead_score) == (str(ada), crm.score(ada))
    assert found.numbers.frequency.value == len(crm.mapping.orders.tables)
    assert (found.notes, len(found.raises), len(found.falls)) == ((), 4, 4)
    with pytest.raises(UnknownCustomer):
        db.explain(crm.engine, "nobody")


def test_deals_are_one_view_where_the_mapping_has_them(crm):
    found = crm.run("select to_regclass('public.lead_score_deals') is not null")
    assert found == [(crm.mapping.deals is not None,)]
    if not crm.mapping.deals:
        return
    ada = crm.customer()
    crm.run("insert into crm.opportunities (profile, phase, worth) values (%s, 'won', 500)", ada)
    select = "select customer_id, stage, value, closed_at from lead_score_deals"
    assert crm.run(select) == [(ada, "won", 500, None)]


def test_the_customers_are_one_view_whatever_they_are_called(crm):
    ada = crm.customer()
    assert crm.run("select id, lead_score, email, full_name from lead_score_customers") == [
        (ada, crm.score(ada), None, None)
    ]


def test_orders_that_the_select_leaves_out_score_nobody(templates):
    with temporary_database(templates("two_order_tables")) as engine:
        crm = Crm(engine, mapping_of("two_order_tables"))
        crm.apply()
        ada = crm.customer()
        crm.run(
            "insert into shop.web_orders (buyer_id, total, state) values (%s, 300, 'storno')", ada
        )
        assert crm.score(ada) == 6
        crm.run("update shop.web_orders set state = 'paid'")
        assert crm.score(ada) > 6
        crm.assert_true()


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", None])
def test_an_amount_that_is_no_number_adds_nothing_and_refuses_no_order(templates, amount):
    with temporary_database(templates("quoted_names")) as engine:
        crm = Crm(engine, mapping_of("quoted_names"))
        crm.apply()
        ada = crm.customer()
        [orders] = crm.mapping.orders.tables
        crm.on(
            orders,
            "insert into {table} ({customer}, {amount}) values (%s, %s), (%s, 60)",
            ada,
            amount,
            ada,
        )
        assert crm.score(ada) == 3 * 5 + 2 * 2 + 2
        crm.assert_true()


def test_up_down_up_leaves_the_same_catalogue(bare):
    before = bare.catalogue()
    bare.apply()
    applied = bare.catalogue()
    assert [m.name for m in db.rollback(bare.engine)] == NAMES[::-1]
    assert bare.catalogue() == before
    bare.apply()
    assert bare.catalogue() == applied


def test_the_exported_files_pasted_by_hand_are_the_same_migrations(bare, tmp_path):
    for path in db.export(tmp_path, bare.mapping):
        with bare.engine.begin() as connection:
            run_script(connection, path.read_text())
    states = [one.state for one in db.status(bare.engine)]
    assert states == [*[State.PASTED] * len(NAMES), State.NOT_ENABLED]
    pasted = bare.catalogue()
    bare.apply()
    assert bare.catalogue() == pasted


def test_fitting_in_the_database_finds_the_models_of_polars(crm):
    for _ in range(20):
        key = crm.customer()
        for orders in crm.mapping.orders.tables:
            crm.on(
                orders,
                "insert into {table} ({customer}, {amount}, {at})"
                " select %s, 10 * n, now() - n * interval '9 days' from generate_series(1, 1 + (random() * 12)::int) as n",
                key,
            )
    crm.run("select fit_lead_score_model()")
    assert db.active_model(crm.engine) == db.fit(crm.engine, min_customers=1).model
    db.backfill(crm.engine)
    crm.assert_true()


# ---------------------------------------------------------------- who sees what

ROLES = """
    do $$ begin
        perform pg_advisory_xact_lock(43);
        if to_regrole('mapped_reader') is null then create role mapped_reader; end if;
    end $$;
    grant usage on schema app to mapped_reader;
    grant select on all tables in schema app to mapped_reader;
    grant select on public.customer_activities, public.lead_score_customers, public.hot_leads to mapped_reader;
    alter table app.people enable row level security;
    alter table app.purchases enable row level security;
    alter table app.calls enable row level security;
    create policy own on app.people using (email = 'ada@example.com');
    create policy own on app.purchases using (customer_id in (select id from app.people));
    create policy own on app.calls using (customer_id in (select id from app.people));
"""


def test_row_security_of_the_mapped_tables_holds_in_every_view(templates):
    with temporary_database(templates("another_schema")) as engine:
        crm = Crm(engine, mapping_of("another_schema"))
        crm.apply()
        crm.run("insert into app.people (email) values ('ada@example.com'), ('bob@example.com')")
        crm.run(
            "insert into app.purchases (customer_id, total_cents) select id, 90000 from app.people, generate_series(1, 10)"
        )
        crm.run("insert into app.calls (customer_id) select id from app.people")
        assert len(crm.run("select * from hot_leads")) == 2
        crm.run(ROLES)
        with psycopg.connect(str(engine.url.set(drivername="postgresql"))) as reader:
            reader.execute("set role mapped_reader")
            [[ada]] = reader.execute("select id from app.people").fetchall()
            activities = reader.execute(
                "select customer_id, activity_type from customer_activities"
            ).fetchall()
            assert {customer for customer, _ in activities} == {ada}
            assert {kind for _, kind in activities} == {"order", "call"}
            assert reader.execute("select id from hot_leads").fetchall() == [(ada,)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("select * from customer_activity_timeline")
