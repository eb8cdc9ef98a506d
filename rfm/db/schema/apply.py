"""Applying the migrations, each file and its record in one transaction."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.schema.exclusive import exclusive
from rfm.db.schema.indexes import build_indexes
from rfm.db.schema.migrations import Migration
from rfm.db.schema.plan import plan
from rfm.db.sql import run
from rfm.errors import DatabaseBusy


def apply(
    database: Engine | str, mapping: Mapping | None = None, *, also: Collection[str] = ()
) -> list[Migration]:
    """Apply every pending migration and return those that were applied, in order.

    mapping: what the CRM's tables are called. The database remembers it, so only the first call
        needs it.
    also: names of opt-in migrations to apply too. Those that are there already need no mention.

    Each file and its record commit together, or not at all. To apply twice, or from many places at
    the same time, does no harm. The indexes on orders and customers are built first, without
    blocking writers. That waits for writers for at most 30 s; a file waits some seconds for the
    locks of its tables. Then `DatabaseBusy` is raised: what was committed before stays, and a
    second call does the rest.
    Raises what `plan` raises. Uses two connections of the engine at a time.

    >>> from rfm.testing import example_engine
    >>> apply(example_engine())
    []
    """
    engine = engine_of(database)
    if not plan(engine, mapping, also=also):
        return []
    with exclusive(engine):
        # once more: another session may have applied them
        migrations = plan(engine, mapping, also=also)
        for migration in migrations:
            with _telling_of_locks(migration):
                build_indexes(engine, migration)
            _apply(engine, migration)
        return migrations


def _apply(engine: Engine, migration: Migration) -> None:
    with changing(engine, migration) as connection:
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
            "it changed nothing but perhaps the score columns and an unfinished index, which the "
            "next run builds again; files done before it stay done; run the command again"
        ) from error
