"""What would refuse a write, or leave a false score, is refused before anything is touched."""

from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.db.schema.status import State
from rfm.errors import PreflightFailed
from rfm.testing import assert_scores_match, temporary_database
from tests.support import APPLIED_BY_DEFAULT, as_user, failed_facts, run

ADA = "00000000-0000-4000-8000-00000000000a"


def assert_refused(engine, says, remedy, mapping=None):
    """Fail unless the obstacle is named, nothing is created, and the remedy helps."""
    with pytest.raises(PreflightFailed) as caught:
        db.apply(engine, mapping)
    assert says in str(caught.value)
    assert str(caught.value).startswith("1 problem")
    assert {one.state for one in db.status(engine, mapping)} == {State.MISSING, State.NOT_ENABLED}
    run(engine, remedy)
    assert len(db.plan(engine, mapping)) == len(APPLIED_BY_DEFAULT)


def apply_anyway(engine, mapping=None):
    """Run the migrations as somebody does who pastes them: nothing is looked at before."""
    for migration in migrations(mapping):
        if not migration.opt_in:
            run(engine, migration.script)


# ---------------------------------------------------------------- what the catalogue shows

NO_KEY = """
    alter table customers drop constraint customers_pkey cascade;
    create unique index on customers (id);
"""
PUBLICATIONS = {
    "no replica identity": (
        f"{NO_KEY} create publication sales for table customers",
        "alter table customers replica identity full",
    ),
    "replica identity nothing": (
        "alter table customers replica identity nothing; create publication sales for all tables",
        "alter table customers replica identity default",
    ),
    "a list of columns without the key": (
        "create publication sales for table customers (email)",
        "drop publication sales",
    ),
    "a filter on another column": (
        "create publication sales for table customers where (email is not null)",
        "alter table customers replica identity full",
    ),
}


@pytest.mark.parametrize(("publish", "remedy"), PUBLICATIONS.values(), ids=PUBLICATIONS)
def test_customers_that_nobody_can_update_are_refused(rfm_crm_engine, publish, remedy):
    run(rfm_crm_engine, publish)
    with pytest.raises(psycopg.Error, match='cannot update table "customers"'):
        run(rfm_crm_engine, "update customers set full_name = 'Ada'")
    assert_refused(rfm_crm_engine, "no customer can be updated, so none could be scored", remedy)


def test_a_publication_of_inserts_alone_is_no_obstacle(rfm_crm_engine):
    run(
        rfm_crm_engine,
        f"{NO_KEY} create publication sales for table customers with (publish = 'insert')",
    )
    assert len(db.apply(rfm_crm_engine)) == len(APPLIED_BY_DEFAULT)


PARTITIONED = """
    alter table orders rename to old_orders;
    create table orders (like old_orders) partition by range (created_at);
    create table orders_now partition of orders default;
"""
FOREIGN = """
    create foreign data wrapper archive;
    create server archive foreign data wrapper archive;
    create foreign table orders_archive partition of orders
    for values from ('2000-01-01') to ('2001-01-01') server archive;
"""
ORDER = f"insert into orders (id, customer_id, total_cents, created_at) values (gen_random_uuid(), '{ADA}', 100, now())"


def test_a_foreign_partition_of_orders_is_refused(rfm_crm_engine):
    run(rfm_crm_engine, PARTITIONED + FOREIGN)
    assert_refused(
        rfm_crm_engine,
        "an order that goes to the foreign table public.orders_archive, a partition of public.orders",
        "alter table orders detach partition orders_archive",
    )


CHILDREN = {
    "orders": "create table web_orders () inherits (orders)",
    "customers": "create table old_customers () inherits (customers)",
}


@pytest.mark.parametrize(("table", "create"), CHILDREN.items())
def test_a_child_table_is_refused(rfm_crm_engine, table, create):
    run(rfm_crm_engine, create)
    child = create.split()[2]
    assert_refused(
        rfm_crm_engine,
        f"the rows of public.{child}, a child of table public.{table}, fire no trigger",
        f"alter table {child} no inherit public.{table}",
    )


def test_without_the_refusal_a_childs_orders_leave_a_false_score(rfm_crm_engine):
    run(rfm_crm_engine, CHILDREN["orders"])
    apply_anyway(rfm_crm_engine)
    run(rfm_crm_engine, f"insert into customers (id) values ('{ADA}')")
    run(rfm_crm_engine, ORDER.replace("into orders", "into web_orders"))
    assert run(rfm_crm_engine, "select lead_score from customers") == [(6,)]
    assert len(run(rfm_crm_engine, "select * from lead_score_drift(now())")) == 1


def test_a_partition_in_the_place_of_its_table_is_refused(rfm_crm_engine):
    run(
        rfm_crm_engine,
        "alter table orders rename to orders_now; alter table orders_now alter id drop default;"
        "create table all_orders (like orders_now) partition by list (id);"
        "alter table orders_now rename to orders;"
        "alter table all_orders attach partition orders default",
    )
    assert_refused(
        rfm_crm_engine,
        "a write to public.all_orders, whose child or partition public.orders is, fires no trigger",
        "alter table all_orders detach partition orders",
    )


GENERATED = """
    alter table customers drop column id cascade;
    alter table customers add column id uuid generated always as (md5(email)::uuid) stored unique;
"""


def test_a_generated_key_is_refused(rfm_crm_engine):
    run(rfm_crm_engine, GENERATED)
    apply_anyway(rfm_crm_engine)
    run(
        rfm_crm_engine,
        "insert into customers (email) values ('ada@example.com');"
        "insert into orders (customer_id, total_cents) select id, 900000 from customers",
    )
    assert run(rfm_crm_engine, "select lead_score from customers") == [(6,)]
    db.rollback(rfm_crm_engine)
    assert_refused(
        rfm_crm_engine,
        "column public.customers.id is generated",
        "alter table customers alter id drop expression",
    )


def test_a_virtual_column_in_an_index_is_refused(rfm_crm_engine):
    if run(rfm_crm_engine, "show server_version_num") < [("180000",)]:
        pytest.skip("virtual columns came with PostgreSQL 18")
    run(
        rfm_crm_engine,
        "alter table orders drop total_cents, add cents bigint,"
        " add total_cents bigint generated always as (cents) virtual",
    )
    assert_refused(
        rfm_crm_engine,
        "column public.orders.total_cents is a virtual generated column",
        "alter table orders drop total_cents, add total_cents bigint generated always as (cents) stored",
    )


# ---------------------------------------------------------------- what comes after apply


@pytest.mark.parametrize("publish", [publish for publish, _ in list(PUBLICATIONS.values())[:3]])
def test_verify_finds_customers_that_a_publication_keeps_from_being_updated(rfm_engine, publish):
    db.backfill(rfm_engine)
    assert failed_facts(rfm_engine) == []
    run(rfm_engine, publish)
    [fact] = failed_facts(rfm_engine)
    assert "No publication keeps customers from being updated" in fact


def test_verify_finds_a_foreign_partition(rfm_crm_engine):
    run(rfm_crm_engine, PARTITIONED)
    db.apply(rfm_crm_engine)
    run(rfm_crm_engine, FOREIGN)
    assert any("no foreign table as a partition" in fact for fact in failed_facts(rfm_crm_engine))


# ---------------------------------------------------------------- what a mapping brings

SHOP = """
    create schema shop;
    create table shop.people (id text primary key);
    create table shop.sales (buyer text, sold_at timestamptz default now(), total {total});
"""
TOML = """
    [customers]
    table = "shop.people"
    key = "id"
    key_type = "text"
    [orders]
    select = '''{select}'''
    [[orders.tables]]
    table = "shop.sales"
    customer = "buyer"
    ordered_at = "sold_at"
    covering = {covering}
    [[timeline]]
    type = "sale"
    select = '''
    select buyer as customer_id, sold_at as created_at, 1 as activity_id, null::jsonb as metadata from shop.sales
    '''
"""
SELECT = "select buyer as customer_id, sold_at as ordered_at, {amount} as amount from shop.sales"


def mapped(select=None, covering="[]"):
    select = select or SELECT.format(amount="total")
    return db.Mapping.parse(TOML.format(select=select, covering=covering))


@contextmanager
def shop(total="numeric"):
    with temporary_database() as engine:
        run(engine, SHOP.format(total=total))
        yield engine


def test_keys_of_different_collations_are_refused():
    mapping = mapped()
    with shop() as engine:
        run(
            engine,
            'alter table shop.people alter id type text collate "C";'
            'alter table shop.sales alter buyer type text collate "POSIX"',
        )
        apply_anyway(engine, mapping)
        run(engine, "insert into shop.people values ('ada'); insert into shop.sales values ('ada')")
        assert ("42P22",) in run(engine, "select sqlstate from lead_score_queue")
        db.rollback(engine)
        assert_refused(
            engine,
            'columns "shop"."people".id (collation "C") and "shop"."sales".buyer (collation "POSIX")',
            'alter table shop.sales alter buyer type text collate "C"',
            mapping,
        )


def test_a_key_whose_collation_is_not_deterministic_is_refused():
    mapping = mapped()
    with shop() as engine:
        run(
            engine,
            'create collation loose from "C";'
            "alter table shop.people alter id type text collate loose;"
            "alter table shop.sales alter buyer type text collate loose;"
            # as ICU would make it, which not every build of PostgreSQL has
            "update pg_collation set collisdeterministic = false where collname = 'loose'",
        )
        assert_refused(
            engine,
            'column "shop"."people".id has the collation public.loose, which takes different keys for the',
            "alter table shop.people alter id type text; alter table shop.sales alter buyer type text",
            mapping,
        )


LONG = "(select string_agg(md5(random()::text), '') from generate_series(1, 200))"
UNLIMITED = {
    "text": LONG,
    "varchar": LONG,
    "varchar(6400)": LONG,
    "jsonb": f"to_jsonb({LONG})",
    "bytea": f"{LONG}::bytea",
    "text[]": f"array[{LONG}]",
    "numeric": "random()::numeric * 1e6000::numeric",
}


@pytest.mark.parametrize(("kind", "value"), UNLIMITED.items())
def test_a_covering_column_without_a_limit_is_refused(kind, value):
    mapping = mapped(select=SELECT.format(amount="1"), covering='["total"]')
    with shop(total=kind) as engine:
        if kind != "numeric":  # a number that long has to be random in each digit
            apply_anyway(engine, mapping)
            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                run(engine, f"insert into shop.sales (buyer, total) values ('ada', {value})")
            db.rollback(engine)
        assert_refused(
            engine,
            'an order with a long value in covering column "shop"."sales".total',
            "alter table shop.sales drop total, add total numeric(12, 2)",
            mapping,
        )


@pytest.mark.parametrize(
    "kind",
    ["numeric(12, 2)", "bigint", "varchar(500)", "char(3)", "uuid", "timestamptz", "inet", "name"],
)
def test_a_covering_column_that_always_fits_is_no_obstacle(kind):
    mapping = mapped(select=SELECT.format(amount="1"), covering='["total"]')
    with shop(total=kind) as engine:
        assert len(db.plan(engine, mapping)) == len(APPLIED_BY_DEFAULT)


def test_covering_columns_that_are_too_long_together_are_refused():
    mapping = mapped(select=SELECT.format(amount="1"), covering='["total", "note"]')
    with shop(total="varchar(400)") as engine:
        run(engine, "alter table shop.sales add note varchar(400)")
        assert_refused(
            engine,
            'covering columns of "shop"."sales" would be refused, since they take up to 3208 bytes',
            "alter table shop.sales alter note type varchar(20)",
            mapping,
        )


# ---------------------------------------------------------------- a select as the triggers run it

HELPER = """
    create table shop.rates (rate numeric); insert into shop.rates values (2);
    create function shop.rate() returns numeric language sql stable as 'select rate from {rates}';
"""
FAILING = {
    "a body that names a table unqualified": (
        SELECT.format(amount="total * shop.rate()"),
        HELPER.format(rates="shop.rates")
        + "alter function shop.rate() set search_path = shop, public; alter function shop.rate() reset all;"
        "create or replace function shop.rate() returns numeric language plpgsql stable as"
        " 'begin return (select rate from rates); end'",
        'orders.select fails: relation "rates" does not exist; it runs with an empty search_path',
        "alter function shop.rate() set search_path = shop",
    ),
    "a table without a schema": (
        SELECT.format(amount="total").replace("shop.sales", "sales"),
        "create table public.sales as select * from shop.sales",
        'orders.select fails: relation "sales" does not exist; it runs with an empty search_path',
        None,
    ),
    "a cast that fails": (
        SELECT.format(amount="note::numeric"),
        "alter table shop.sales add note text default '$1,250.00'",
        'orders.select fails: invalid input syntax for type numeric: "$1,250.00"; change it',
        "update shop.sales set note = '1250.00'",
    ),
    "a division by zero": (
        SELECT.format(amount="1 / (total - total)"),
        "select 1",
        "orders.select fails: division by zero",
        None,
    ),
}


@pytest.mark.parametrize(
    ("select", "script", "says", "remedy"), FAILING.values(), ids=FAILING.keys()
)
def test_a_select_that_fails_where_the_triggers_run_it_is_refused(select, script, says, remedy):
    mapping = mapped(select=select)
    with shop() as engine:
        run(engine, "insert into shop.sales (buyer, total) values ('ada', 7)")
        run(engine, script)
        if remedy:
            assert_refused(engine, says, remedy, mapping)
        else:
            with pytest.raises(PreflightFailed) as caught:
                db.plan(engine, mapping)
            assert says in str(caught.value)


# ---------------------------------------------------------------- roles


@contextmanager
def roles(engine, *attributes):
    """Create roles of this test alone, since roles belong to the server."""
    names = [f"rfm_{uuid4().hex}" for _ in attributes]
    for name, attribute in zip(names, attributes, strict=True):
        run(engine, f"create role {name} {attribute}")
    try:
        yield names
    finally:
        for name in names:
            run(engine, f"drop owned by {name} cascade; drop role {name}")


def give(engine, role, *tables):
    for table in tables:
        run(engine, f"alter table {table} owner to {role}")


CRM = ("customers", "orders", "messages", "deals")


@pytest.fixture
def owned(rfm_crm_engine):
    """Name the owner of a CRM's tables, and a role that is nobody yet."""
    with roles(rfm_crm_engine, "login", "login") as (owner, other):
        run(rfm_crm_engine, f"grant create on schema public to {owner}")
        give(rfm_crm_engine, owner, *CRM)
        yield rfm_crm_engine, owner, other


def test_a_superuser_applies_to_tables_of_another_role(owned):
    engine, owner, _ = owned
    assert len(db.apply(engine)) == len(APPLIED_BY_DEFAULT)
    assert db.apply(engine) == []
    assert run(
        engine,
        "select distinct pg_get_userbyid(proowner) from pg_proc where pronamespace = 'public'::regnamespace",
    ) == [(owner,)]


def test_the_owner_needs_to_create_in_the_database_and_in_public(owned):
    engine, owner, _ = owned
    database = engine.url.database
    with pytest.raises(PreflightFailed, match=f"role {owner} may not create schema rfm"):
        db.plan(as_user(engine, owner))
    run(engine, f"grant create on database {database} to {owner}")
    run(engine, f"revoke create on schema public from {owner}")
    with pytest.raises(
        PreflightFailed,
        match=f'role {owner}, the owner of public.customers, may not create anything in schema public; run "grant',
    ):
        db.plan(as_user(engine, owner))
    run(engine, f"grant create on schema public to {owner}")
    assert len(db.apply(as_user(engine, owner))) == len(APPLIED_BY_DEFAULT)


@pytest.mark.parametrize("table", CRM[1:])
def test_a_table_of_a_role_whose_rights_the_owner_lacks_is_refused(owned, table):
    engine, owner, other = owned
    give(engine, other, table)
    assert_refused(
        engine,
        f"table public.{table} belongs to role {other}, whose rights role {owner}",
        f"grant {other} to {owner}",
    )
    assert len(db.apply(engine)) == len(APPLIED_BY_DEFAULT)
    run(engine, f"insert into customers (id) values ('{ADA}'); {ORDER}")
    assert_scores_match(engine)


def test_a_role_that_may_not_become_the_owner_is_refused(owned):
    engine, owner, other = owned
    run(engine, f"grant create on database {engine.url.database} to {other}")
    with pytest.raises(PreflightFailed, match=f"role {other} does not own table public.customers"):
        db.plan(as_user(engine, other))
    if run(engine, "show server_version_num") >= [("160000",)]:
        run(engine, f"grant {owner} to {other} with set false")
        with pytest.raises(PreflightFailed, match=f"may not become its owner {owner}"):
            db.plan(as_user(engine, other))
    run(engine, f"grant {owner} to {other}")
    if run(engine, "show server_version_num") >= [("160000",)]:
        run(engine, f"grant {owner} to {other} with set true")
    assert len(db.apply(as_user(engine, other))) == len(APPLIED_BY_DEFAULT)


def test_row_security_that_is_forced_on_the_owner_is_refused(owned):
    engine, owner, _ = owned
    run(engine, "alter table orders enable row level security, force row level security")
    assert_refused(
        engine,
        f"table public.orders forces row-level security on its owner, and role {owner}",
        f"alter role {owner} bypassrls",
    )


# ---------------------------------------------------------------- roles behind a select


@pytest.fixture
def owned_shop():
    """Open a mapped CRM whose select reads a function, a view and a table that are its owner's."""
    select = "select customer_id, ordered_at, amount * shop.rate() as amount from shop.all_sales"
    mapping = mapped(select=select)
    with shop() as engine:
        run(
            engine,
            HELPER.format(rates="shop.rates")
            + "create view shop.all_sales with (security_invoker = true) as "
            + SELECT.format(amount="total"),
        )
        with roles(engine, "", "") as (owner, other):
            run(
                engine,
                f"grant usage, create on schema shop, public to {owner}, {other};"
                f"grant select on shop.rates to {owner}; alter function shop.rate() owner to {owner};",
            )
            give(engine, owner, "shop.people", "shop.sales", "shop.all_sales")
            assert len(db.plan(engine, mapping)) == len(APPLIED_BY_DEFAULT)
            yield engine, mapping, {"owner": owner, "other": other}


STRANGE = {
    "a function": (
        "alter function shop.rate() owner to {other}",
        "orders.select uses function shop.rate(), which role {other} can change",
        "alter function shop.rate() owner to {owner}",
    ),
    "a view": (
        "alter view shop.all_sales owner to {other}",
        "orders.select uses view shop.all_sales, which role {other} can change",
        "alter view shop.all_sales owner to {owner}",
    ),
    "a table without a right": (
        "revoke select on shop.rates from {owner}",
        "orders.select fails: permission denied for table rates; it runs as the owner",
        "grant select on shop.rates to {owner}",
    ),
}


@pytest.mark.parametrize(("change", "says", "remedy"), STRANGE.values(), ids=STRANGE.keys())
def test_what_a_select_uses_of_other_roles_is_refused(owned_shop, change, says, remedy):
    engine, mapping, names = owned_shop
    run(engine, "insert into shop.sales (buyer, total) values ('ada', 7)")
    run(engine, change.format(**names))
    assert_refused(engine, says.format(**names), remedy.format(**names), mapping)


def test_an_operator_of_another_role_is_refused(owned_shop):
    engine, mapping, names = owned_shop
    run(
        engine,
        "create operator shop.## (function = numeric_mul, leftarg = numeric, rightarg = numeric);"
        f"alter operator shop.## (numeric, numeric) owner to {names['other']};"
        "create or replace view shop.all_sales with (security_invoker = true) as "
        + SELECT.format(amount="total operator(shop.##) 2::numeric"),
    )
    assert_refused(
        engine,
        f"uses operator shop.##(numeric,numeric), which role {names['other']} can change",
        f"alter operator shop.## (numeric, numeric) owner to {names['owner']}",
        mapping,
    )


def test_rows_that_row_security_hides_from_a_select_are_refused():
    select = SELECT.format(amount="(select max(rate) from shop.rates) * total")
    mapping = mapped(select=select)
    with shop() as engine, roles(engine, "") as (owner,):
        run(
            engine,
            "create table shop.rates (rate numeric); alter table shop.rates enable row level security;"
            f"grant usage, create on schema shop, public to {owner}; grant select on shop.rates to {owner};",
        )
        give(engine, owner, "shop.people", "shop.sales")
        assert_refused(
            engine,
            f"orders.select reads table shop.rates, whose row-level security hides rows from role {owner}",
            f"alter table shop.rates owner to {owner}",
            mapping,
        )
