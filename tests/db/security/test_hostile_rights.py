"""Rights that nobody meant: default privileges, a restore without privileges, forged functions."""

import subprocess

import pytest

from rfm import db
from rfm.testing import temporary_database
from tests.db.security.roles import crm, owned
from tests.support import address, as_user, create_roles, failed_facts, program, run, session

EVERYTHING = "".join(
    f"alter default privileges {where} grant all on {kind} to crm_stranger with grant option;"
    for where in ("", "in schema public")
    for kind in ("tables", "functions", "sequences", "types")
)
# PostgreSQL has no `in schema` for schemas
SCHEMAS = "alter default privileges grant all on schemas to crm_stranger with grant option;"

# every right of the stranger on anything in the database, columns too
RIGHTS_OF_STRANGER = """
    select o.name, a.privilege_type
    from (
        select c.oid::regclass::text as name, c.relacl as acl
        from pg_class as c where c.relnamespace in ('public'::regnamespace, 'rfm'::regnamespace)
        union all
        select p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner))
        from pg_proc as p where p.pronamespace in ('public'::regnamespace, 'rfm'::regnamespace)
        union all
        select 'schema ' || n.nspname, n.nspacl from pg_namespace as n where n.nspname = 'rfm'
        union all
        select a.attrelid::regclass || '.' || a.attname, a.attacl
        from pg_attribute as a where a.attacl is not null and a.attrelid >= 16384
    ) as o
    cross join aclexplode(o.acl) as a
    where a.grantee in ('crm_stranger'::regrole, 0)
    order by 1, 2
"""


@pytest.mark.parametrize("applied_by", ["crm_owner", "postgres"])
def test_default_privileges_to_a_role_that_nobody_knows_give_nothing(applied_by):
    with crm("revoked") as owner:
        run(owner, EVERYTHING + SCHEMAS)
        engine = as_user(owner, applied_by)
        run(engine, EVERYTHING + SCHEMAS)
        db.apply(engine)
        db.apply(engine)
        assert run(engine, RIGHTS_OF_STRANGER) == []
        assert not any("right" in fact for fact in failed_facts(engine))


def test_a_file_that_is_pasted_again_takes_back_what_was_passed_on():
    """A right with grant option may have been given to others: without cascade the revoke fails."""
    with crm("revoked") as owner:
        db.apply(owner)
        run(owner, "grant all on lead_score_models to crm_stranger with grant option")
        run(owner, "grant trigger on customers to crm_stranger with grant option")
        with session(owner, username="crm_stranger", autocommit=True) as stranger:
            stranger.execute("grant select on lead_score_models to authenticated")
            stranger.execute("grant trigger on customers to authenticated")
        failed = [one.found for one in db.verify(owner) if not one.passed]
        assert any("crm_stranger may select public.lead_score_models" in one for one in failed)
        assert any("authenticated on customers, crm_stranger on customers" in one for one in failed)
        for migration in db.status(owner):
            run(owner, migration.migration.script)
        assert run(owner, RIGHTS_OF_STRANGER) == []


@pytest.mark.parametrize("grantee", ["crm_stranger", "service_role", "public"])
@pytest.mark.parametrize("table", ["customers", "orders"])
def test_nobody_but_the_owner_keeps_the_right_to_put_a_trigger(grantee, table):
    with crm("revoked") as owner:
        run(owner, f"grant trigger, select on {table} to {grantee}")
        db.apply(owner)
        rights = run(
            owner,
            f"select a.privilege_type from pg_class as c cross join aclexplode(c.relacl) as a"
            f" where c.oid = '{table}'::regclass and a.grantee = "
            + ("0" if grantee == "public" else f"'{grantee}'::regrole"),
        )
        assert ("TRIGGER",) not in rights
        assert ("SELECT",) in rights
        assert not any("put a trigger" in fact for fact in failed_facts(owner))
        run(owner, f"grant trigger on {table} to {grantee}")
        assert any("put a trigger" in fact for fact in failed_facts(owner))


@pytest.fixture(scope="module")
def restored():
    """Give a database that pg_restore -x filled: every function is callable by everybody."""
    create_roles()
    with crm("revoked") as owner:
        db.apply(owner)
        db.backfill(owner)
        command = [program("pg_dump"), "--no-privileges", address(owner)]
        dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with temporary_database() as root:
        run(root, "drop schema public")
        subprocess.run(
            [program("psql"), "-X", "-q", "-d", address(root)],
            input=dump.replace("SET transaction_timeout = 0;", "").replace(
                "-- Dumped", "create schema if not exists public;\n-- Dumped", 1
            ),
            text=True,
            check=True,
            capture_output=True,
        )
        yield root


def found_by(engine, fact):
    return next(one.found for one in db.verify(engine) if one.fact.startswith(fact))


def test_verify_names_each_function_that_a_restore_gave_to_everybody(restored):
    functions = run(
        restored,
        "select p.oid::regprocedure::text from pg_proc as p"
        " inner join pg_description as d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass"
        " where p.pronamespace = 'public'::regnamespace",
    )
    found = found_by(restored, "Nobody has a right")
    assert len(functions) >= 20
    assert [one for (one,) in functions if f"public may execute public.{one}" not in found] == []


def test_the_files_again_take_it_back(restored):
    for migration in db.status(restored):
        run(restored, migration.migration.script)
    assert found_by(restored, "Nobody has a right") == "as meant"


# ---------------------------------------------------------------- forged

TOUCH = "touch_lead_scores(uuid[])"
FORGERIES = {
    "alter function lead_score_drift set search_path = public": (
        "Every function",
        "public.lead_score_drift(timestamptz) has other settings: search_path=public",
    ),
    "alter function touch_lead_scores(uuid[]) set search_path = public, pg_catalog, pg_temp": (
        "Every function",
        f"public.{TOUCH} has other settings",
    ),
    "alter function touch_lead_scores(uuid[]) reset all": (
        "Every function",
        f"public.{TOUCH} has other settings: none",
    ),
    "alter function score_customers(uuid[]) set lock_timeout = 0": (
        "Every function",
        "public.score_customers(uuid[]) has other settings",
    ),
    "alter function calculate_lead_score() security invoker": (
        "Every function",
        "public.calculate_lead_score() is not security definer",
    ),
    "alter function lead_score_drift(timestamptz) security definer": (
        "Every function",
        "public.lead_score_drift(timestamptz) is security definer",
    ),
    "alter function touch_lead_scores(uuid[]) owner to crm_stranger": (
        "Nobody has a right",
        f"{TOUCH} belongs to crm_stranger",
    ),
    "create or replace function calculate_lead_score() returns trigger language plpgsql"
    " security definer set search_path = '' as $$begin new.lead_score := 30; return new; end$$": (
        "Every function",
        "public.calculate_lead_score() has another text",
    ),
    "create or replace function lead_score_drift(as_of timestamptz default null) returns table"
    " (customer_id uuid, scored_at timestamptz, lead_score integer, expected_lead_score integer,"
    " rfm_recency integer, expected_rfm_recency integer, rfm_frequency integer,"
    " expected_rfm_frequency integer, rfm_monetary numeric, expected_rfm_monetary numeric)"
    " language sql stable set search_path = '' as"
    " 'select null::uuid, null::timestamptz, 1, 1, 1, 1, 1, 1, 1.0, 1.0 where false'": (
        "Every function",
        "public.lead_score_drift(timestamptz) has another text",
    ),
    "alter table rfm.applied_migrations owner to crm_stranger": (
        "Nobody has a right",
        "rfm.applied_migrations belongs to crm_stranger",
    ),
    "grant insert on rfm.applied_migrations to crm_stranger": (
        "Nobody has a right",
        "crm_stranger may insert rfm.applied_migrations",
    ),
    "grant create on schema rfm to authenticated": (
        "Nobody has a right",
        "authenticated may create schema rfm",
    ),
    "grant select on rfm.applied_migrations to public": (
        "Nobody has a right",
        "public may select rfm.applied_migrations",
    ),
    "create table rfm.more (); grant select on rfm.more to authenticated": (
        "Nobody has a right",
        "authenticated may select rfm.more",
    ),
    "create function rfm.more() returns void language sql as ''": (
        "Nobody has a right",
        "public may execute rfm.more()",
    ),
    "grant select (tried_at) on lead_score_queue to authenticated": (
        "Nobody has a right",
        "authenticated may select public.lead_score_queue.tried_at",
    ),
    "grant usage on sequence lead_score_models_id_seq to authenticated": (
        "Nobody has a right",
        "authenticated may use public.lead_score_models_id_seq",
    ),
}


@pytest.fixture(scope="module")
def applied():
    """Name a database with every migration and score, to be copied."""
    with crm("revoked") as owner:
        db.apply(owner)
        db.backfill(owner)
        assert failed_facts(owner) == []
        yield owner.url.database


@pytest.mark.parametrize(("forgery", "told"), FORGERIES.items(), ids=[f[:60] for f in FORGERIES])
def test_verify_names_what_was_forged(applied, forgery, told):
    fact, found = told
    with owned(applied) as owner:
        root = as_user(owner, "postgres")
        run(root, forgery)
        assert found in found_by(root, fact)


def test_other_blank_lines_are_no_forgery_and_the_documented_grant_is_none(applied):
    with owned(applied) as owner:
        for migration in db.status(owner):
            run(owner, migration.migration.script.replace("\n\n", "\n\n\n").replace("    ", "\t"))
        run(
            owner,
            "grant usage on schema rfm to crm_stranger;"
            "grant select on rfm.applied_migrations to crm_stranger;"
            "alter function touch_lead_scores(uuid[])"
            " set search_path = pg_catalog, public, extensions, pg_temp",
        )
        assert failed_facts(owner) == []
