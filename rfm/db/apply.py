"""Applying the migrations, each file and its record in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine, text

from rfm.db.connect import run_script
from rfm.db.migrations import Migration
from rfm.db.plan import pending, plan
from rfm.errors import DatabaseBusy

# The record stands in a schema of its own, which no API exposes.
_RECORD = """
create schema if not exists rfm;
comment on schema rfm is 'What the rfm command line has to remember.';
create table if not exists rfm.applied_migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user
);
comment on table rfm.applied_migrations is 'What rfm db apply has run, with its SHA-256.';
"""


def apply(engine: Engine) -> list[Migration]:
    """Apply every pending migration and return those that were applied, in order.

    Each file and its record commit together, or not at all; applying twice is applying once, also
    from many places at the same time. A file waits at most two seconds for a table's lock and
    raises `DatabaseBusy` then: what was committed before stays, a second call does the rest. Raises
    what `plan` raises.

    >>> from rfm.testing import example_engine
    >>> apply(example_engine())
    []
    """
    return [migration for migration in plan(engine) if _apply(engine, migration)]


def _apply(engine: Engine, migration: Migration) -> bool:
    with changing(engine) as connection:
        if migration not in pending(connection):
            return False  # another session was faster
        run_script(connection, _RECORD)
        run_script(connection, migration.script)
        _record(connection, migration)
        return True


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which no other rfm changes the same database.

    A lock that could not be had becomes `DatabaseBusy`.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('rfm.applied_migrations'))"))
        try:
            yield connection
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            raise DatabaseBusy(
                f"another session holds a table that has to change ({error.diag.message_primary}); "
                "this file changed nothing, run the command again"
            ) from error


def _record(connection: Connection, migration: Migration) -> None:
    connection.execute(
        text("""
            insert into rfm.applied_migrations (name, checksum) values (:name, :checksum)
            on conflict (name) do update set checksum = excluded.checksum, applied_at = now()
        """),
        {"name": migration.name, "checksum": migration.checksum},
    )
