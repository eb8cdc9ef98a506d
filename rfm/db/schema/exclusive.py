"""One change of the migrations at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from rfm.db.connect import run_script
from rfm.errors import DatabaseBusy

_PATIENCE = 60.0  # seconds


@contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Wait until no other session applies or rolls back in this database, and keep others out.

    Raises `DatabaseBusy` when the other one takes more than a minute. The lock belongs to a
    connection of its own, so it ends with the process whatever happens.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # from its pool, if it has one: closed means closed, and the lock gone
        # tried again and again: a query that waits would hold up an index that is being built
        # concurrently, and both would wait for ever
        give_up = time.monotonic() + _PATIENCE
        while not _try_lock(connection):
            if time.monotonic() > give_up:
                raise DatabaseBusy(
                    "another session has been applying or rolling back for more than a minute; "
                    "nothing was changed, see pg_locks for who holds the advisory lock"
                )
            time.sleep(0.1)
        try:
            yield
        finally:
            # closing would do it as well, a moment later
            run_script(connection, "select pg_advisory_unlock(hashtext('rfm.applied_migrations'))")


def _try_lock(connection: Connection) -> bool:
    lock = "select pg_try_advisory_lock(hashtext('rfm.applied_migrations'))"
    return run_script(connection, lock).fetchone() == (True,)
