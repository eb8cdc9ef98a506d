"""One change of the migrations at a time, by a lock that only the record's owner can take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.sql import run
from rfm.errors import DatabaseBusy

_PATIENCE = 60.0  # seconds
# two sessions that create the record at once: the second one's catalogue row is there already
_CREATED_BY_ANOTHER: Final = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
)


@contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Wait until no other session applies or rolls back in this database, and keep others out.

    Creates the record of applied migrations if it is missing: its table is what is locked. So call
    it only when there is something to do. The lock belongs to a transaction of its own, which holds
    no snapshot, and ends with the process whatever happens.

    Raises `DatabaseBusy` when the other one takes more than a minute.
    """
    _create_record(engine)
    give_up = time.monotonic() + _PATIENCE
    with engine.connect() as connection:
        # tried again and again: a query that waits would hold up an index that is being built
        # concurrently, and both would wait for ever
        while not _try_lock(connection):
            if time.monotonic() > give_up:
                raise DatabaseBusy(
                    "another session has been applying or rolling back for more than a minute; "
                    "nothing was changed, see pg_locks for who holds rfm.applied_migrations"
                )
            time.sleep(0.1)
        yield


def _create_record(engine: Engine) -> None:
    while True:
        try:
            with engine.begin() as connection:
                run(connection, "internal/schema/create_record")
        except _CREATED_BY_ANOTHER:
            continue
        return


def _try_lock(connection: Connection) -> bool:
    try:
        run(connection, "internal/schema/lock_record")
    except psycopg.errors.LockNotAvailable:
        connection.rollback()
        return False
    return True
