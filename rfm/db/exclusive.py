"""One change of the migrations at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text


@contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Wait until no other session applies or rolls back in this database, and keep others out.

    The lock belongs to a connection of its own, so it ends with the process whatever happens.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # asked again and again, not waited for: a waiting query would hold up an index that is
        # being built concurrently, and both would wait for ever
        while not connection.scalar(
            text("select pg_try_advisory_lock(hashtext('rfm.applied_migrations'))")
        ):
            time.sleep(0.1)
        yield
