"""Mappings: the same scores on CRMs whose tables, keys and orders are not the guide's."""

import re
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy import text

from rfm import db
from rfm.db.connect import run_script
from rfm.db.mapping.slots import quoted
from rfm.db.schema.migrations import migrations
from rfm.db.schema.status import State
from rfm.errors import InvalidMapping, MigrationEdited, PreflightFailed
from rfm.testing import assert_scores_match, temporary_database

FOLDER = Path(__file__).parent / "schemas"
SCHEMAS = sorted(path.stem for path in FOLDER.glob("*.toml"))
NAMES = [migration.name for migration in migrations()]

# Everything outside of PostgreSQL's own schemas and of rfm's record, in a fixed order.
CATALOGUE = text("""
    with own as (select oid from pg_namespace where nspname !~ '^(pg_|information_schema$|rfm$)')
    select string_agg(line, E'\n' order by line) from (
        select concat_ws(' | ', c.oid::regclass, c.relkind, c.relacl, c.reloptions, obj_description(c.oid, 'pg_class'),
            case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) when c.relkind = 'i' then pg_get_indexdef(c.oid) end) as line
        from pg_class as c where c.relnamespace in (select oid from own)
        union all
        select concat_ws(' | ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod))
        from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace in (select oid from own) and a.attnum > 0 and not a.attisdropped
        union all
        select concat_ws(' | ', pg_get_functiondef(p.oid), p.proacl) from pg_proc as p where p.pronamespace in (select oid from own)
        union all
        select pg_get_triggerdef(t.oid) from pg_trigger as t where not t.tgisinternal
    ) as catalogue
""")


def identifier(one):
    return sql.Identifier(*([one] if isinstance(one, str) else one)).as_string(None)


class Crm:
    """A mapped CRM, and what its own programs would write to it."""

    def __init__(self, engine, mapping):
        self.engine = mapping.bind(engine)
        self.mapping = mapping

    def run(self, statement, *values, **names):
        # psycopg takes a % for a parameter, in a name too
        identifiers = {
            name: sql.SQL(identifier(one).replace("%", "%%" if values else "%"))
            for name, one in names.items()
        }
        with self.engine.begin() as connection:
            cursor = connection.connection.cursor().execute(
                sql.SQL(statement).format(**identifiers), values or None
            )
            return cursor.fetchall() if cursor.description else []

    def customer(self):
        customers = self.mapping.customers
        [(key,)] = self.run(
            "insert into {table} default values returning {key}",
            table=customers.table,
            key=customers.key,
        )
        return key

    def on(self, orders, statement, *values):
        return self.run(
            statement,
            *values,
            table=orders.table,
            customer=orders.customer,
            at=orders.ordered_at,
            amount=orders.covering[0],
        )

    def score(self, key):
        customers = self.mapping.customers
        [(score,)] = self.run(
            "select lead_score from {table} where {key} = %s",
            key,
            table=customers.table,
            key=customers.key,
        )
        return score

    def assert_true(self):
        assert_scores_match(self.engine)
        assert self.run("select * from lead_score_drift()") == []
        assert self.run("select * from lead_score_drift(now())") == []

    def catalogue(self):
        with self.engine.connect() as connection:
            return connection.scalar(CATALOGUE)


def mapping_of(schema):
    return db.Mapping.read(FOLDER / f"{schema}.toml")


@pytest.fixture(scope="session")
def templates():
    """Name a database with each schema, to be copied; made when first asked for."""
    opened = {}

    def template(schema):
        if schema not in opened:
            manager = temporary_database()
            engine = manager.__enter__()
            with engine.begin() as connection:
                run_script(connection, (FOLDER / f"{schema}.sql").read_text())
            opened[schema] = (manager, engine.url.database)
        return opened[schema][1]

    yield template
    for manager, _ in opened.values():
        manager.__exit__(None, None, None)


@pytest.fixture(params=SCHEMAS)
def bare(request, templates):
    with temporary_database(templates(request.param)) as engine:
        yield Crm(engine, mapping_of(request.param))


@pytest.fixture
def crm(bare):
    db.apply(bare.engine)
    return bare


def test_a_mapped_crm_is_planned_applied_scored_and_verified(bare):
    ada = bare.customer()
    for orders in bare.mapping.orders.tables:
        bare.on(orders, "insert into {table} ({customer}, {amount}) values (%s, 300)", ada)
    assert [m.name for m in db.plan(bare.engine)] == NAMES
    assert {table.estimated_rows for table in db.survey(bare.engine)} == {None}
    with bare.engine.begin() as connection:
        run_script(connection, "analyze")
    assert {table.name: table.estimated_rows for table in db.survey(bare.engine)} == {
        quoted(table): 1
        for table in (bare.mapping.customers.table, *(o.table for o in bare.mapping.orders.tables))
    }
    assert [m.name for m in db.apply(bare.engine)] == NAMES
    assert bare.score(ada) == 0
    assert db.backfill(bare.engine).rescored == 1
    assert [one.state for one in db.status(bare.engine)] == [State.APPLIED] * len(NAMES)
    assert [check for check in db.verify(bare.engine) if not check.passed] == []
    assert bare.score(ada) > 6
    assert db.apply(bare.engine) == []
    bare.assert_true()


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
        db.apply(crm.engine)
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
        db.apply(crm.engine)
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
    db.apply(bare.engine)
    applied = bare.catalogue()
    assert [m.name for m in db.rollback(bare.engine)] == NAMES[::-1]
    assert bare.catalogue() == before
    db.apply(bare.engine)
    assert bare.catalogue() == applied


def test_the_exported_files_pasted_by_hand_are_the_same_migrations(bare, tmp_path):
    for path in db.export(tmp_path, bare.mapping):
        with bare.engine.begin() as connection:
            run_script(connection, path.read_text())
    assert [one.state for one in db.status(bare.engine)] == [State.PASTED] * len(NAMES)
    pasted = bare.catalogue()
    db.apply(bare.engine)
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


def test_a_database_is_not_applied_by_two_mappings(templates):
    with temporary_database(templates("two_order_tables")) as engine:
        mapping = mapping_of("two_order_tables")
        db.apply(mapping.bind(engine))
        other = mapping.model_copy(
            update={"customers": mapping.customers.model_copy(update={"email": None})}
        )
        assert [one.state for one in db.status(other.bind(engine))][2] is State.EDITED
        with pytest.raises(MigrationEdited, match="mapping"):
            db.apply(other.bind(engine))


# ---------------------------------------------------------------- any names

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: not re.search(r"\$\w*\$", name))
# no column of customers may be called as ours are, or as PostgreSQL's own: such a name is refused
names = names.map(lambda name: f"z{name}")


@settings(max_examples=10, deadline=None)
@given(st.lists(names, min_size=8, max_size=8, unique=True))
def test_any_names_will_do(drawn):
    schema, customers, key, mail, orders, customer, at, amount = drawn
    create = """
        create schema {schema};
        create table {customers} ({key} integer generated always as identity primary key, {mail} text);
        create table {orders} ({customer} integer, {at} timestamptz default now(), {amount} integer);
    """
    identifiers = {
        "schema": sql.Identifier(schema),
        "customers": sql.Identifier(schema, customers),
        "orders": sql.Identifier(schema, orders),
        **{
            n: sql.Identifier(v)
            for n, v in {
                "key": key,
                "mail": mail,
                "customer": customer,
                "at": at,
                "amount": amount,
            }.items()
        },
    }

    def select(text_):
        return sql.SQL(text_).format(**identifiers).as_string(None)

    mapping = db.Mapping.model_validate(
        {
            "customers": {
                "table": [schema, customers],
                "key": key,
                "key_type": "integer",
                "email": mail,
            },
            "orders": {
                "select": select(
                    "select {customer} as customer_id, {at} as ordered_at, {amount} as amount from {orders}"
                ),
                "tables": [
                    {
                        "table": [schema, orders],
                        "customer": customer,
                        "ordered_at": at,
                        "covering": [amount],
                    }
                ],
            },
            "timeline": [
                {
                    "type": mail,
                    "select": select(
                        "select {customer} as customer_id, {at} as created_at, 1 as activity_id, null::jsonb as metadata from {orders}"
                    ),
                }
            ],
        }
    )
    with temporary_database() as engine:
        crm = Crm(engine, mapping)
        with engine.begin() as connection:
            connection.connection.cursor().execute(sql.SQL(create).format(**identifiers))
        empty = crm.catalogue()
        db.apply(crm.engine)
        [tables] = mapping.orders.tables
        crm.on(
            tables, "insert into {table} ({customer}, {amount}) values (%s, 300)", crm.customer()
        )
        crm.assert_true()
        assert [
            check
            for check in db.verify(crm.engine)
            if not check.passed and "timeline" not in check.fact.lower()
        ] == []
        db.rollback(crm.engine)
        assert crm.catalogue() == empty


# ---------------------------------------------------------------- what is refused


def changed(schema, old, new):
    toml = (FOLDER / f"{schema}.toml").read_text()
    assert old in toml
    return toml.replace(old, new)


WRONG = {
    (
        "two_order_tables",
        'table = "crm.customer_profiles"',
        'table = "crm.people"',
    ): 'table "crm"."people" is missing',
    (
        "two_order_tables",
        'key = "profile_id"',
        'key = "id"',
    ): 'column "crm"."customer_profiles".id is missing',
    (
        "two_order_tables",
        'key = "profile_id"\nkey_type = "bigint"',
        'key = "mail"\nkey_type = "text"',
    ): "buyer_id is int8, not text",
    (
        "two_order_tables",
        'key_type = "bigint"',
        'key_type = "uuid"',
    ): "profile_id is int8, not uuid",
    (
        "two_order_tables",
        'ordered_at = "printed_at"',
        'ordered_at = "at"',
    ): '"till_receipts".at is missing',
    (
        "two_order_tables",
        'table = "shop.web_orders"',
        'table = "shop.all_orders"',
    ): '"shop"."all_orders" is missing, or is no table',
    ("two_order_tables", "phase as stage, ", ""): "deals.select has no column stage",
    ("two_order_tables", "worth as value", "phase as value"): "deals.select: value is text, not",
    (
        "two_order_tables",
        "customer_id, ordered_at, amount from",
        "customer_id, ordered_at from",
    ): "orders.select has no column amount",
    (
        "two_order_tables",
        "from shop.all_orders",
        "from shop.nothing",
    ): 'orders.select fails: relation "shop.nothing" does not exist',
    (
        "two_order_tables",
        "select customer_id, ordered_at, amount",
        "select customer_id, ordered_at::date, amount",
    ): "ordered_at is date, not timestamptz",
    ("quoted_names", "::numeric", ""): "amount is float8, not numeric",
    (
        "quoted_names",
        '"Kunden & Co."."order COLUMNS";',
        '"Kunden & Co."."order COLUMNS"; drop schema public',
    ): "orders.select fails",
    (
        "another_schema",
        "jsonb_build_object('minutes', minutes)",
        "'x'",
    ): "metadata is text, not jsonb",
    (
        "another_schema",
        "select customer_id, created_at, id as activity_id, jsonb_build_object('minutes'",
        "select customer_id, created_at, minutes as activity_id, jsonb_build_object('minutes'",
    ): "cannot be matched",
}


@pytest.mark.parametrize(("change", "says"), WRONG.items())
def test_what_does_not_fit_the_database_is_one_clear_error_and_nothing_is_created(
    templates, change, says
):
    schema, old, new = change
    with temporary_database(templates(schema)) as engine:
        crm = Crm(engine, db.Mapping.parse(changed(schema, old, new)))
        before = crm.catalogue()
        with pytest.raises(PreflightFailed) as caught:
            db.apply(crm.engine)
        assert says in str(caught.value)
        assert "map-my-schema" in str(caught.value)
        assert crm.catalogue() == before


def test_a_key_that_is_not_unique_is_refused(templates):
    with temporary_database(templates("quoted_names")) as engine:
        crm = Crm(engine, mapping_of("quoted_names"))
        crm.run(
            "alter table {t} drop constraint {c} cascade",
            t=crm.mapping.customers.table,
            c='Kunde "A"_pkey',
        )
        with pytest.raises(PreflightFailed, match="no unique index"):
            db.plan(crm.engine)


@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_a_timeline_that_would_show_everybodys_rows_is_refused(templates, kind):
    with temporary_database(templates("another_schema")) as engine:
        toml = changed("another_schema", "from app.calls", "from app.all_calls")
        crm = Crm(engine, db.Mapping.parse(toml))
        crm.run(f"create {kind} app.some_calls as select * from app.calls")
        crm.run(
            "create view app.all_calls with (security_invoker = on) as select * from app.some_calls"
        )
        with pytest.raises(PreflightFailed, match=r"reads (materialized )?view app\.some_calls"):
            db.plan(crm.engine)
        if kind == "view":
            crm.run("alter view app.some_calls set (security_invoker = true)")
            assert len(db.plan(crm.engine)) == len(NAMES)


INVALID = {
    "": "3 problems in the mapping:\n  - customers: Field required",
    "customers = [": "the mapping is no TOML",
    changed(
        "another_schema", 'key_type = "uuid"', 'key_type = "money"'
    ): "customers.key_type: Input should be 'uuid'",
    changed(
        "another_schema", 'email = "email"', 'mail = "email"'
    ): "customers.mail: Extra inputs are not permitted",
    changed("another_schema", 'table = "app.people"', 'table = "db.app.people"'): "several dots",
    changed("another_schema", 'key = "id"', f'key = "{"x" * 64}"'): "1 to 63 bytes",
    changed("another_schema", 'key = "id"', 'key = ""'): "cannot be a name",
    changed("another_schema", 'key = "id"', 'key = "$cron$"'): "would end a function's text",
}


@pytest.mark.parametrize(("toml", "says"), INVALID.items())
def test_an_invalid_mapping_says_what_is_wrong(toml, says):
    with pytest.raises(InvalidMapping) as caught:
        db.Mapping.parse(toml)
    assert says in str(caught.value)


def test_a_mapping_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(InvalidMapping, match=r"rfm\.toml cannot be read"):
        db.Mapping.read(tmp_path / "rfm.toml")


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
        db.apply(crm.engine)
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
