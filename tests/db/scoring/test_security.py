"""What a signed-in user, a visitor and the service can do: through real logins with Supabase's rights."""

from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.sql import read_sql
from rfm.errors import PreflightFailed
from rfm.testing import assert_scores_match, server_address, temporary_database

ROLES = """
do $$
declare
    wanted record;
begin
    perform pg_advisory_xact_lock(42);
    for wanted in select * from (values
        ('anon', 'nologin noinherit'),
        ('authenticated', 'nologin noinherit'),
        ('service_role', 'nologin noinherit bypassrls'),
        ('authenticator', 'login noinherit'),
        ('crm_owner', 'login'),
        ('crm_stranger', 'login')
    ) as r (name, options) loop
        if to_regrole(wanted.name) is null then
            execute format('create role %I %s', wanted.name, wanted.options);
        end if;
    end loop;
    grant anon, authenticated, service_role to authenticator;
end;
$$;
"""

# Supabase's two regimes: everything new in public is granted to the API's roles, or nothing is.
REGIMES = {
    "granted": """
        alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
        alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
        alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
    """,
    "revoked": "alter default privileges revoke execute on functions from public",
}

# Everybody sees their own customer, and those orders of it that are not internal.
ROW_SECURITY = """
    grant usage on schema public to anon, authenticated, service_role;
    grant select, insert, update, delete on customers, orders, messages, deals
    to authenticated, service_role;
    grant select on customers, orders, messages, deals to anon;
    alter table customers enable row level security;
    alter table orders enable row level security;
    alter table messages enable row level security;
    alter table deals enable row level security;
    create policy own on customers to authenticated
    using (email = (select current_setting('request.email', true)));
    create policy own on orders to authenticated
    using (event_name is distinct from 'internal' and customer_id in (select id from customers))
    with check (customer_id in (select id from customers));
    create policy own on messages to authenticated using (customer_id in (select id from customers));
    create policy own on deals to authenticated using (customer_id in (select id from customers));
"""

DATA = """
    insert into customers (id, email) values
    ('00000000-0000-4000-8000-00000000000a', 'ada@example.com'),
    ('00000000-0000-4000-8000-00000000000b', 'bob@example.com');
    insert into orders (customer_id, total_cents, event_name)
    select id, 10000, event from customers cross join unnest('{internal,fair,shop}'::text[]) as event;
    insert into messages (customer_id, subject) select id, email from customers;
    insert into deals (customer_id, title) select id, email from customers;
"""
ADA = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"

OUR_RELATIONS = (
    "customer_activities",
    "customer_activity_timeline",
    "customer_activity_summary",
    "hot_leads",
    "lead_score_orders",
)
OUR_CALLS = (
    "touch_lead_scores(array[]::uuid[])",
    "activate_lead_score_model(1)",
    "wait_for_lead_score_writers()",
    "fit_lead_score_model()",
    "lead_score_drift()",
    "lead_score_health()",
    "refresh_customer_activity_timeline()",
)


def as_user(engine, user):
    return connect(engine.url.set(username=user).render_as_string(hide_password=False))


@contextmanager
def owned(template="template1"):
    """Open a database whose public schema belongs to crm_owner, no superuser."""
    with temporary_database(template) as root:
        with root.begin() as connection:
            run_script(connection, "alter schema public owner to crm_owner")
            run_script(connection, f"grant all on database {root.url.database} to crm_owner")
        yield as_user(root, "crm_owner")


@contextmanager
def crm(regime):
    """Open a database whose tables and scores belong to crm_owner, too."""
    # roles belong to the server, an advisory lock to a database: always the same one
    with connect(server_address()).begin() as connection:
        run_script(connection, ROLES)
    with owned() as owner:
        with owner.begin() as connection:
            run_script(connection, REGIMES[regime])
            run_script(connection, read_sql("demo/base_tables"))
            run_script(connection, ROW_SECURITY)
            run_script(connection, DATA)
        yield owner


@pytest.fixture(scope="module", params=REGIMES)
def scored(request):
    """Name a database with every migration and score, to be copied."""
    with crm(request.param) as engine:
        db.apply(engine)
        db.backfill(engine)
        yield engine.url.database


@pytest.fixture
def owner(scored):
    with owned(scored) as engine:
        yield engine
        assert_scores_match(engine)


@contextmanager
def signed_in(owner, role="authenticated", email="ada@example.com"):
    """Connect as the API does: as authenticator, then the role, then the claims."""
    url = owner.url.set(drivername="postgresql", username="authenticator")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"set role {role}")
        connection.execute("select set_config('request.email', %s, false)", [email])
        yield connection


def scores(owner, key=ADA):
    with owner.connect() as connection:
        return tuple(
            connection.execute(
                text("""
                    select lead_score, rfm_recency, rfm_frequency, rfm_monetary
                    from customers where id = :key
                """),
                {"key": key},
            ).one()
        )


FORGERIES = {
    "update": "update customers set lead_score = 30, rfm_recency = 5, rfm_frequency = 5,"
    " rfm_monetary = 5, last_scored_at = now() + interval '1 year'",
    "upsert": f"insert into customers (id, email) values ('{ADA}', 'ada@example.com')"
    " on conflict (id) do update set lead_score = 30, last_scored_at = 'infinity'",
    "merge": f"merge into customers c using (select '{ADA}'::uuid as id) s on c.id = s.id"
    " when matched then update set lead_score = 30",
    "temporary view": "create temp view lead_score_orders as select null::uuid as customer_id,"
    " now() as ordered_at, 1e9 as amount; set search_path = pg_temp, public;"
    " update public.customers set full_name = 'Ada'",
    "temporary tables": "create temp table lead_score_active_model as select 1 as model_id;"
    " create temp table customers (like public.customers); create temp table orders (like public.orders);"
    " set search_path = pg_temp, public; update public.customers set full_name = 'Ada'",
    "temporary function": "create function pg_temp.width_bucket(anyelement, anyarray) returns int"
    " language sql as 'select 4'; set search_path = pg_temp, public, pg_catalog;"
    " update public.customers set full_name = 'Ada'",
    "settings": "set session my.lead_score = '30'; set row_security = on; set timezone = 'Asia/Tokyo';"
    " set datestyle = 'German'; set intervalstyle = 'iso_8601'; update customers set full_name = 'Ada'",
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_score_cannot_be_forged(owner, forgery):
    true = scores(owner)
    with signed_in(owner) as connection:
        connection.execute(forgery)
    assert scores(owner) == true


# what a function may name that is no keyword of SQL
TYPE_NAMES = """
    select typname from pg_type
    where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'p') and typname !~ '^_'
    and typname not in ('bool', 'unknown', 'cstring', 'any')
"""
EVERYTHING_A_USER_DOES = (
    "update customers set full_name = 'Ada'",
    "insert into customers (email) values ('ada@example.com')",
    f"insert into orders (customer_id, total_cents) values ('{ADA}', 100)",
    "update orders set total_cents = 200",
    "delete from orders",
)


def shadow_every_type(connection):
    """Put a type that cannot be used in the temporary schema for every type of PostgreSQL."""
    names = [row[0] for row in connection.execute(TYPE_NAMES).fetchall()]
    assert {"timestamptz", "text", "record", "int4", "regclass"} <= set(names)
    connection.execute(
        "".join(f'create type pg_temp."{name}" as (trap integer);' for name in names)
    )


@pytest.mark.parametrize("statement", EVERYTHING_A_USER_DOES)
def test_no_type_in_a_temporary_schema_reaches_a_definers_function(owner, statement):
    with signed_in(owner) as connection:
        shadow_every_type(connection)
        connection.execute(statement)


@pytest.mark.parametrize(
    "call",
    [
        "activate_lead_score_model(1)",
        "fit_lead_score_model()",
        "refresh_customer_activity_timeline()",
    ],
)
def test_no_type_of_the_service_reaches_the_owner(owner, call):
    with signed_in(owner, "service_role") as connection:
        shadow_every_type(connection)
        connection.execute(f"select public.{call}")
    db.backfill(owner)


def test_a_domain_in_a_temporary_schema_runs_nothing_as_the_owner(owner):
    with signed_in(owner) as connection:
        connection.execute(
            """
            create temp table loot (who name);
            grant all on loot to public;
            create function pg_temp.steal(value timestamp with time zone) returns bool language plpgsql
            as $$ begin insert into pg_temp.loot values (current_user); return true; end $$;
            create domain pg_temp.timestamptz as timestamp with time zone check (pg_temp.steal(value));
            """
        )
        connection.execute("update customers set full_name = 'Ada'")
        connection.execute("insert into orders (customer_id) values (%s)", [ADA])
        assert connection.execute("select * from loot").fetchall() == []


@pytest.mark.parametrize("table", ["customers", "orders"])
def test_a_signed_in_user_cannot_put_a_trigger_on_our_tables(owner, table):
    with signed_in(owner) as connection:
        connection.execute(
            "create function pg_temp.z() returns trigger language plpgsql as $$ begin return new; end $$"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                f"create trigger zzz before update on {table} for each row execute function pg_temp.z()"
            )


def test_the_crms_own_triggers_on_customers_go_on_working(owner):
    with owner.begin() as connection:
        run_script(
            connection,
            """
            create table audit (customer_id uuid);
            alter table audit enable row level security;
            create function audit() returns trigger language plpgsql set search_path = public as $$
            begin insert into audit values (new.id); return null; end $$;
            create function audit_without_schema() returns trigger language plpgsql as $$
            begin insert into audit values (new.id); return null; end $$;
            create trigger audit after update on customers for each row execute function audit();
            create trigger audit_2 after update on customers for each row
            execute function audit_without_schema();
            create extension if not exists plpgsql;
            """,
        )
    with signed_in(owner) as connection:
        connection.execute("insert into orders (customer_id) values (%s)", [ADA])
    with owner.connect() as connection:
        assert connection.scalar(text("select count(*) from audit")) == 2


def test_a_new_customer_cannot_bring_a_score_along(owner):
    with signed_in(owner, email="new@example.com") as connection:
        connection.execute(
            "insert into customers (email, lead_score, rfm_monetary) values ('new@example.com', 30, 5)"
        )
        row = connection.execute("select lead_score, rfm_monetary from customers").fetchone()
    assert row == (6, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "set session_replication_role = replica",
        "alter table customers disable trigger user",
        "drop trigger calculate_customer_lead_score on customers",
        "create or replace function calculate_lead_score() returns trigger language plpgsql as 'begin end'",
    ],
)
def test_a_signed_in_user_cannot_set_the_trigger_aside(owner, statement):
    with signed_in(owner) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


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
    with owner.begin() as connection:
        connection.exec_driver_sql(call)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("call", ["queue_stale_customers()", "schedule_lead_score_jobs()"])
def test_what_is_for_the_owner_alone_is_for_nobody_else(owner, role, call):
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select {call}")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize(
    "table", ["lead_score_rescoring", "lead_score_rescoring_due", "customer_activity_refresh"]
)
def test_nobody_but_the_owner_changes_what_rescoring_remembers(owner, role, table):
    with signed_in(owner, role) as connection:
        for statement in (f"delete from {table}", f"insert into {table} default values"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        if role == "service_role":
            connection.execute(f"select from {table}")
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select from {table}")


def test_rescoring_sees_the_customers_and_orders_of_everybody(owner):
    with owner.begin() as connection:
        connection.exec_driver_sql("update lead_score_rescoring set done_until = null")
        connection.exec_driver_sql(
            "insert into lead_score_models (recency, frequency, monetary)"
            " values ('{180,90,60,30}', '{1,2,2,2}', '{50,200,500,1000}')"
        )
        connection.exec_driver_sql("select activate_lead_score_model(2)")
    with signed_in(owner, "service_role") as connection:
        shadow_every_type(connection)
        assert connection.execute("call rescore_stale_customers()").fetchone() == (2, False)
        connection.execute("select * from lead_score_health()")
    assert scores(owner)[0] == scores(owner, BOB)[0] == 3 * 5 + 2 * 5 + 3


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


def test_the_score_is_true_when_the_writer_sees_too_few_orders(owner):
    with signed_in(owner) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (2,)
        connection.execute(
            "insert into orders (customer_id, total_cents) values (%s, 20000)", [ADA]
        )
    # 4 orders and 500.00, one of them internal
    assert scores(owner) == (3 * 5 + 2 * 3 + 4, 5, 3, 4)


def test_the_score_is_true_when_the_writer_may_not_update_customers(owner):
    with owner.begin() as connection:
        connection.exec_driver_sql("revoke update on customers from authenticated")
    with signed_in(owner) as connection:
        connection.execute("delete from orders where event_name = 'fair'")
    assert scores(owner) == (3 * 5 + 2 * 2 + 3, 5, 2, 3)


def test_the_service_touches_customers_that_it_may_not_update(owner):
    with owner.begin() as connection:
        connection.exec_driver_sql("revoke update on customers from service_role")
    with signed_in(owner, "service_role") as connection:
        connection.execute("select touch_lead_scores(array[%s]::uuid[])", [ADA])


def customers_seen(connection, relation):
    key = "id" if relation == "hot_leads" else "customer_id"
    return {str(row[0]) for row in connection.execute(f"select {key} from {relation}")}


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("relation", OUR_RELATIONS)
def test_nobody_sees_more_than_row_security_allows(owner, role, relation):
    with owner.begin() as connection:
        connection.exec_driver_sql(
            "insert into orders (customer_id, total_cents) select id, 1000000 from customers, generate_series(1, 9)"
        )
        connection.exec_driver_sql("refresh materialized view customer_activity_timeline")
    with signed_in(owner, role) as connection:
        allowed = {str(row[0]) for row in connection.execute("select id from customers")}
        assert allowed == ({ADA} if role == "authenticated" else set())
        try:
            seen = customers_seen(connection, relation)
        except psycopg.errors.InsufficientPrivilege:
            return
        assert relation in ("customer_activities", "hot_leads")
        assert seen <= allowed


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("table", ["lead_score_models", "lead_score_active_model"])
def test_models_are_for_the_owner_and_the_service(owner, role, table):
    with signed_in(owner, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"select * from {table}")
    with signed_in(owner, "service_role") as connection:
        assert connection.execute(f"select count(*) from {table}").fetchone() == (1,)


def test_a_signed_in_user_gets_the_timeline_of_their_own_customers_without_internal_orders(owner):
    with signed_in(owner) as connection:
        rows = connection.execute(
            "select customer_id::text, activity_type, metadata ->> 'event_name' from customer_activities"
        ).fetchall()
    assert {row[0] for row in rows} == {ADA}
    assert sorted(row[1] for row in rows) == ["deal", "message", "order", "order"]
    assert "internal" not in {row[2] for row in rows}


def test_the_service_sees_the_whole_timeline(owner):
    with signed_in(owner, "service_role") as connection:
        assert customers_seen(connection, "customer_activity_timeline") == {ADA, BOB}
        assert customers_seen(connection, "customer_activity_summary") == {ADA, BOB}


# ---------------------------------------------------------------- at apply


@pytest.mark.parametrize("regime", REGIMES)
def test_forced_row_security_is_refused_at_apply_and_nothing_is_created(regime):
    with crm(regime) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("alter table orders force row level security")
        with pytest.raises(PreflightFailed, match="orders forces row-level security"):
            db.apply(engine)
        assert {one.state for one in db.status(engine)} == {db.State.MISSING}


def test_a_role_that_does_not_own_the_tables_is_refused_at_apply():
    with crm("revoked") as engine:
        with pytest.raises(PreflightFailed, match="role crm_stranger does not own table"):
            db.apply(as_user(engine, "crm_stranger"))
        assert {one.state for one in db.status(engine)} == {db.State.MISSING}


# ---------------------------------------------------------------- what Supabase's linter looks for

LINTS = {
    "definer functions that visitors or users can call": """
        select p.oid::regprocedure from pg_proc p cross join unnest('{anon,authenticated}'::name[]) r
        where p.pronamespace = 'public'::regnamespace and p.prosecdef
        and has_function_privilege(r, p.oid, 'execute')
    """,
    "functions whose search_path can be changed": """
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'public'::regnamespace
        and not coalesce(array_to_string(p.proconfig, ',') like '%search_path=%', false)
    """,
    "views that run as their owner": """
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
        and not coalesce(c.reloptions @> '{security_invoker=true}', false)
    """,
    "tables without row-level security": """
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
    """,
    "materialized views in the API": """
        select c.relname from pg_class c cross join unnest('{anon,authenticated}'::name[]) r
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'm'
        and has_table_privilege(r, c.oid, 'select')
    """,
    "foreign keys without an index": """
        select k.conname from pg_constraint k
        where k.contype = 'f' and k.connamespace = 'public'::regnamespace and not exists (
            select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1]
        )
    """,
    "indexes that are there twice": """
        select min(indexname) from pg_indexes where schemaname = 'public'
        group by tablename, regexp_replace(indexdef, 'INDEX \\S+ ON', '') having count(*) > 1
    """,
    "policies that are always true": """
        select policyname from pg_policies
        where schemaname = 'public' and tablename like 'lead_score%' and (qual = 'true' or with_check = 'true')
    """,
}


@pytest.mark.parametrize("lint", LINTS.values(), ids=LINTS.keys())
def test_supabases_linter_would_find_nothing(owner, lint):
    with owner.connect() as connection:
        assert run_script(connection, lint).fetchall() == []


BREAKAGES = {
    "grant select on customer_activity_timeline to authenticated": "No API role",
    "grant execute on function refresh_customer_activity_timeline() to anon": "refresh function",
    "grant trigger on orders to authenticated": "put a trigger",
    "alter table orders force row level security": "made from all orders",
    "insert into customers (email) select n::text from generate_series(1, 100) n;"
    "truncate orders; insert into orders (customer_id, total_cents) select id, 100 from customers": "tell customers",
}


@pytest.mark.parametrize(("breakage", "fact"), BREAKAGES.items())
def test_verify_sees_what_was_opened_later(breakage, fact):
    with crm("revoked") as engine:
        db.apply(engine)
        db.backfill(engine)
        with engine.begin() as connection:
            run_script(connection, breakage)
        failed = [check.fact for check in db.verify(engine) if not check.passed]
        assert any(fact in one for one in failed), failed


@pytest.mark.parametrize("regime", REGIMES)
def test_verify_passes_on_supabase(regime):
    with crm(regime) as engine:
        db.apply(engine)
        db.backfill(engine)
        assert [check for check in db.verify(engine) if not check.passed] == []
