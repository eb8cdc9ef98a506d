"""Applying the migrations, each file and its record in one transaction."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping
from rfm.db.mapping.slots import order_tables, plain
from rfm.db.schema.exclusive import exclusive
from rfm.db.schema.migrations import Migration
from rfm.db.schema.plan import plan
from rfm.db.sql import run
from rfm.errors import DatabaseBusy

# orders are the big tables that are there before us: an index on one is not built under a lock
_QUOTED = r'"(?:[^"]|"")*"'
_NAME = rf"(?:\w+|{_QUOTED})"
_INDEX = re.compile(
    r"^create index if not exists (?P<name>\w+)\s+"
    rf'on (?P<table>(?P<schema>{_NAME})\.{_NAME}) (?P<columns>\((?:[^;"]|{_QUOTED})*;)',
    re.MULTILINE,
)


def apply(database: Engine | str, mapping: Mapping | None = None) -> list[Migration]:
    """Apply every pending migration and return those that were applied, in order.

    mapping: what the CRM's tables are called. The database remembers it, so only the first call
        needs it.

    Each file and its record commit together, or not at all. To apply twice, or from many places at
    the same time, does no harm. An index on orders is built first, without blocking writers. That
    waits for writers for at most 30 s; a file waits some seconds for the locks of its tables. Then
    `DatabaseBusy` is raised: what was committed before stays, and a second call does the rest.
    Raises what `plan` raises. Uses two connections of the engine at a time.

    >>> from rfm.testing import example_engine
    >>> apply(example_engine())
    []
    """
    engine = engine_of(database)
    with exclusive(engine):
        migrations = plan(engine, mapping)
        with engine.connect() as connection:
            on_orders = order_tables(choose_mapping(connection, mapping))
        for migration in migrations:
            _build_indexes(engine, migration, on_orders)
            apply_one(engine, migration)
        return migrations


def _build_indexes(engine: Engine, migration: Migration, on_orders: list[str]) -> None:
    for index in _INDEX.finditer(plain(migration.script)):
        if index["table"] not in on_orders:
            continue
        with _telling_of_locks(migration), engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # from its pool, if it has one: the setting is for us alone
            # it waits for writers and blocks nobody; what strangers put into public is not found
            run_script(connection, "set lock_timeout = '30s'; set search_path = ''")
            name = f"{index['schema']}.{index['name']}"
            [state] = run(
                connection, "internal/schema/index_state", table=index["table"], index=name
            )
            if state.partitioned:
                continue  # cannot be done concurrently; the file itself does it
            if state.invalid:
                run_script(connection, f"drop index concurrently {name}")
            run_script(
                connection,
                f"create index concurrently if not exists {index['name']}"
                f" on {index['table']} {index['columns']}",
            )


def apply_one(engine: Engine, migration: Migration) -> None:
    """Run one migration and record it, in one transaction."""
    with changing(engine, migration) as connection:
        run(connection, "internal/schema/create_record")
        # before the script, which goes on as the owner of the customers
        run(
            connection,
            "internal/schema/record_migration",
            name=migration.name,
            checksum=migration.checksum,
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
