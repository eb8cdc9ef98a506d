"""What apply refuses and verify reports: rights and owners, by Supabase's linter too."""

import pytest

from rfm import db
from rfm.errors import PreflightFailed
from tests.db.security.roles import (
    REGIMES,
    crm,
)
from tests.support import as_user, failed_facts, run


@pytest.mark.parametrize("regime", REGIMES)
def test_forced_row_security_is_refused_at_apply_and_nothing_is_created(regime):
    with crm(regime) as engine:
        run(engine, "alter table orders force row level security")
        with pytest.raises(PreflightFailed, match="orders forces row-level security"):
            db.apply(engine)
        assert {one.state for one in db.status(engine)} == {db.State.MISSING, db.State.NOT_ENABLED}


def test_a_role_that_does_not_own_the_tables_is_refused_at_apply():
    with crm("revoked") as engine:
        with pytest.raises(PreflightFailed, match="role crm_stranger does not own table"):
            db.apply(as_user(engine, "crm_stranger"))
        assert {one.state for one in db.status(engine)} == {db.State.MISSING, db.State.NOT_ENABLED}


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
    "policies that let everybody write": """
        select policyname from pg_policies
        where schemaname = 'public' and tablename like 'lead_score%' and cmd <> 'SELECT' and (qual = 'true' or with_check = 'true')
    """,
}


@pytest.mark.parametrize("lint", LINTS.values(), ids=LINTS.keys())
def test_supabases_linter_would_find_nothing(owner, lint):
    assert run(owner, lint) == []


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
        run(engine, breakage)
        failed = failed_facts(engine)
        assert any(fact in one for one in failed), failed


@pytest.mark.parametrize("regime", REGIMES)
def test_verify_passes_on_supabase(regime):
    with crm(regime) as engine:
        db.apply(engine)
        db.backfill(engine)
        assert failed_facts(engine) == []
