"""From an address to an engine, and from an engine to a connection that runs whole scripts."""

import os
from typing import Any, cast

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Literal
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from rfm.errors import InvalidAddress


def connect(dsn: str | None = None) -> Engine:
    """Return an engine for a PostgreSQL address; nothing is opened yet.

    `dsn` is a URL such as `postgresql://user:password@host:5432/database`; without one the
    environment variable `DATABASE_URL` is read. Raises `InvalidAddress` when there is neither, or
    when it is not a PostgreSQL URL.

    >>> connect("postgres://crm@localhost/crm").url.render_as_string()
    'postgresql+psycopg://crm@localhost/crm'
    """
    address = dsn or os.environ.get("DATABASE_URL")
    if not address:
        raise InvalidAddress("no database given; pass --dsn or set DATABASE_URL")
    try:
        url = make_url(address)
    except ArgumentError:
        # the address may hold a password: it is not repeated
        raise InvalidAddress(
            "the database address is not a URL; write postgresql://user:password@host:5432/database"
        ) from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise InvalidAddress(
            f"{url.drivername!r} is not PostgreSQL; write postgresql://user:password@host/database"
        )
    # no pool: a command opens a connection or two, and a test drops its database right after
    return create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool)


def run_script(connection: Connection, script: str) -> Cursor[Any]:
    """Run a file of SQL statements as it is, in the connection's transaction; return its cursor.

    It goes to the driver itself: SQLAlchemy's `text()` trips over `:name`, `exec_driver_sql` over
    `%`. Errors are therefore psycopg's own.
    """
    return cursor(connection).execute(script)


def composed(sql: str, **values: object) -> Composed:
    """Return a statement with its `{values}` written in, for the driver or another.

    They are literals without a type, so that a key takes the type of the column beside it.
    """
    return SQL(sql).format(**{name: Literal(value) for name, value in values.items()})


def cursor(connection: Connection) -> Cursor[Any]:
    """Return the driver's own cursor in the connection's transaction."""
    return cast("Cursor[Any]", connection.connection.cursor())
