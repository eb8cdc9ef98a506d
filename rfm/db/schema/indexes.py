"""Indexes on the CRM's own tables: built before the file that creates them, without blocking."""

from typing import Final

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import run_script
from rfm.db.mapping.template import InvalidSlot
from rfm.db.schema.contents import DatabaseObject
from rfm.db.schema.migrations import Migration
from rfm.db.schema.ownership import MARK, find_objects

_CREATE: Final = "create index if not exists "
_CONCURRENTLY: Final = "create index concurrently if not exists "


def build_indexes(engine: Engine, migration: Migration) -> None:
    """Build the indexes in the blocks `concurrent_index` of a migration that are not there yet.

    What the block `before_indexes` holds is committed first. An index that was left half built is
    built again. That of a partitioned table is left to the file: PostgreSQL cannot build it so.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # from its pool, if it has one: the setting is for us alone
        absent = _absent_indexes(connection, migration)
        if not migration.concurrent_indexes or not absent:
            return
        _run_before_indexes(engine, migration)
        # it waits for writers and blocks nobody; what strangers put into public is not found
        run_script(connection, "set lock_timeout = '30s'; set search_path = ''")
        for half_built in find_objects(connection, absent):
            _concurrently(connection, f"drop index concurrently {half_built.wanted.name}")
        for statement in migration.concurrent_indexes:
            _build(connection, statement)
        _mark(connection, absent)


def _absent_indexes(connection: Connection, migration: Migration) -> list[DatabaseObject]:
    wanted = [one for one in migration.objects if one.kind == "index"]
    complete = {one.wanted for one in find_objects(connection, wanted) if one.is_complete}
    return [one for one in wanted if one not in complete]


def _run_before_indexes(engine: Engine, migration: Migration) -> None:
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        run_script(connection, migration.before_indexes)


def _build(connection: Connection, statement: str) -> None:
    if not statement.lstrip().startswith(_CREATE):
        raise InvalidSlot(f"a block concurrent_index begins with {_CREATE!r}, not {statement!r}")
    _concurrently(connection, statement.replace(_CREATE, _CONCURRENTLY, 1))


def _concurrently(connection: Connection, statement: str) -> None:
    try:
        run_script(connection, statement)
    except psycopg.errors.FeatureNotSupported:
        return  # a partitioned table: the file itself builds it


def _mark(connection: Connection, indexes: list[DatabaseObject]) -> None:
    """Mark what was built as rfm's; the file then says what it is for."""
    for one in find_objects(connection, indexes):
        run_script(connection, f"comment on index {one.wanted.name} is '{MARK}'")
