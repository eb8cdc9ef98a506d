"""Applying the migrations, each file and its record in one transaction."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine, text

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import mapping_of
from rfm.db.mapping.slots import order_tables, plain
from rfm.db.schema.exclusive import exclusive
from rfm.db.schema.migrations import Migration
from rfm.db.schema.plan import plan
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

# orders are the big tables that are there before us: an index on one is not built under a lock
_QUOTED = r'"(?:[^"]|"")*"'
_NAME = rf"(?:\w+|{_QUOTED})"
_INDEX = re.compile(
    r"^create index if not exists (?P<name>\w+)\s+"
    rf'on (?P<table>(?P<schema>{_NAME})\.{_NAME}) (?P<columns>\((?:[^;"]|{_QUOTED})*;)',
    re.MULTILINE,
)


def apply(engine: Engine) -> list[Migration]:
    """Apply every pending migration and return those that were applied, in order.

    Each file and its record commit together, or not at all; applying twice is applying once, also
    from many places at the same time. An index on orders is built first, without blocking writers.
    That waits for writers half a minute at most; a file waits some seconds for its tables' locks.
    Then `DatabaseBusy` is raised: what was committed before stays, a second call does the rest.
    Raises what `plan` raises. Uses two connections of the engine at a time.

    >>> from rfm.testing import example_engine
    >>> apply(example_engine())
    []
    """
    engine = engine_of(engine)
    with exclusive(engine):
        migrations = plan(engine)
        for migration in migrations:
            _build_indexes(engine, migration)
            _apply(engine, migration)
        return migrations


def _build_indexes(engine: Engine, migration: Migration) -> None:
    on_orders = order_tables(mapping_of(engine))
    for index in _INDEX.finditer(plain(migration.script)):
        if index["table"] not in on_orders:
            continue
        with _telling_of_locks(migration), engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # from its pool, if it has one: the setting is for us alone
            # it waits for writers and blocks nobody; what strangers put into public is not found
            run_script(connection, "set lock_timeout = '30s'; set search_path = ''")
            if _is_partitioned(connection, index["table"]):
                continue  # cannot be done concurrently; the file itself does it
            name = f"{index['schema']}.{index['name']}"
            if _is_invalid(connection, name):  # an earlier attempt was interrupted
                run_script(connection, f"drop index concurrently {name}")
            run_script(
                connection,
                f"create index concurrently if not exists {index['name']}"
                f" on {index['table']} {index['columns']}",
            )


def _is_partitioned(connection: Connection, table: str) -> bool:
    return bool(
        connection.scalar(
            text("""
                select relkind = 'p' from pg_catalog.pg_class
                where oid = cast(:table as regclass)
            """),
            {"table": table},
        )
    )


def _is_invalid(connection: Connection, index: str) -> bool:
    return bool(
        connection.scalar(
            text("""
                select not i.indisvalid from pg_catalog.pg_index as i
                where i.indexrelid = to_regclass(:index)
            """),
            {"index": index},
        )
    )


def _apply(engine: Engine, migration: Migration) -> None:
    with changing(engine, migration) as connection:
        run_script(connection, _RECORD)
        # before the script, which goes on as the owner of the customers
        connection.execute(
            text("""
                insert into rfm.applied_migrations (name, checksum) values (:name, :checksum)
                on conflict (name) do update set checksum = excluded.checksum, applied_at = now()
            """),
            {"name": migration.name, "checksum": migration.checksum},
        )
        run_script(connection, migration.script)


@contextmanager
def changing(engine: Engine, migration: Migration) -> Iterator[Connection]:
    """Open a transaction in which a lock that cannot be had becomes `DatabaseBusy`."""
    # whatever the engine's default: under autocommit there would be no transaction
    begun = engine.execution_options(isolation_level="READ COMMITTED").begin()
    with _telling_of_locks(migration), begun as connection:
        yield connection


@contextmanager
def _telling_of_locks(migration: Migration) -> Iterator[None]:
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise DatabaseBusy(
            f"{migration.name} did not get a lock that it needs ({error.diag.message_primary}); "
            "it changed nothing but perhaps an unfinished index on orders, which the next run "
            "builds anew; files done before it stay done; run the command again"
        ) from error
