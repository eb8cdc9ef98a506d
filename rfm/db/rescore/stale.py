"""Scores that time has changed, made again."""

from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of
from rfm.db.rescore.queue import score_queue
from rfm.db.schema.required import OPERATIONS, require_migration
from rfm.db.sql import run


def rescore_stale(database: Engine | str) -> int:
    """Rescore the customers whose score time has changed, and those who wait in the queue.

    Returns how many customers that were. A thousand at a time, each in a short transaction. If it
    is interrupted, the next call does the rest; while another session rescores, only the queue is
    emptied. It finds those who are due by an index; `backfill` looks at everybody, and also finds
    what was written without the triggers. Whoever cannot be scored stays in `lead_score_queue`.

    >>> from rfm.testing import temporary_database
    >>> from rfm.db.schema.apply import apply
    >>> from rfm.db.connect import engine_of, run_script
    >>> from rfm.db.sql import read_sql
    >>> with temporary_database() as engine:
    ...     with engine.begin() as connection:
    ...         _ = run_script(connection, read_sql("demo/base_tables"))
    ...         _ = run_script(connection, "insert into customers (email) values ('ada@x.org')")
    ...     _ = apply(engine)
    ...     rescore_stale(engine), rescore_stale(engine)
    (1, 0)
    """
    # read committed, whatever the database's default: the procedure refuses any other
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.connect() as connection:
        require_migration(connection, OPERATIONS)
        connection.commit()
        return score_queue(connection) + sum(_batches(connection))


def _batches(connection: Connection) -> Iterator[int]:
    more = True
    while more:
        [(rescored, more)] = run(connection, "internal/rescore/rescore_stale")
        connection.commit()
        yield rescored
