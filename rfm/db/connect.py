"""From an address to an engine, and from an engine to a connection that runs whole scripts."""

import os
import re
from typing import Any, cast

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from rfm.db.arguments import article
from rfm.errors import InvalidDatabase

_FORM = "postgresql://user:password@host:5432/database"
_DRIVER = "postgresql+psycopg"


def connect(dsn: str | None = None) -> Engine:
    """Return an engine for a PostgreSQL address; nothing is opened yet.

    dsn: a URL such as `postgresql://user:password@host:5432/database`; without one the environment
        variable `DATABASE_URL` is read. In user, password and database, write `@` as `%40`, `:` as
        `%3A` and `/` as `%2F`.

    Raises `InvalidDatabase` when there is no address, or one that is not understood. No message
    repeats an address: it may hold a password.

    >>> connect("postgres://crm@localhost/crm").url.render_as_string()
    'postgresql+psycopg://crm@localhost/crm'
    """
    address = (os.environ.get("DATABASE_URL", "") if dsn is None else dsn).strip()
    if not address:
        raise InvalidDatabase("no database given; pass `dsn` or set DATABASE_URL")
    # no pool: a command opens a connection or two, and a test drops its database right after;
    # no hstore: SQLAlchemy would look for it with a query that an operator in public can join
    return create_engine(_url(address), poolclass=NullPool, use_native_hstore=False)


def engine_of(database: Engine | str) -> Engine:
    """Return the engine that a public function works with: the one given, or one for an address.

    It begins transactions at READ COMMITTED, whatever the given one does, and they look into no
    schema but PostgreSQL's own. Our SQL names each schema, so an operator or a function that a
    stranger put into `public` is never taken for PostgreSQL's. The given engine stays as it is.

    Raises `InvalidDatabase` for anything else, and for an engine whose driver is not psycopg.

    >>> engine_of("mysql://localhost/crm")
    Traceback (most recent call last):
    rfm.errors.InvalidDatabase: the address begins with 'mysql', not with postgresql://; write \
postgresql://user:password@host:5432/database
    """
    if isinstance(database, str):
        database = connect(database)
    if not isinstance(database, Engine):
        kind = f"{type(database).__module__}.{type(database).__name__}".removeprefix("builtins.")
        raise InvalidDatabase(
            f"pass an SQLAlchemy Engine, or an address as text such as {_FORM}; not {article(kind)}"
        )
    driver = f"{database.dialect.name}+{database.dialect.driver}"
    if driver != _DRIVER:
        raise InvalidDatabase(
            f"the engine uses {driver}, and rfm needs {_DRIVER}; pass "
            f"create_engine('{_DRIVER}://…'), or an address as text such as {_FORM}"
        )
    if database.get_execution_options().get(_GUARDED):
        return database
    guarded = database.execution_options(isolation_level="READ COMMITTED", **{_GUARDED: True})
    event.listen(guarded, "begin", _look_into_no_schema)
    return guarded


_GUARDED = "rfm_guarded"


def _look_into_no_schema(connection: Connection) -> None:
    driver = cast("psycopg.Connection", connection.connection.dbapi_connection)
    if not driver.autocommit:
        driver.execute("set local search_path = ''")


def _url(address: str) -> URL:
    if address.count("@") > 1:
        # the part behind the first would be taken for the host, and stand in the server's errors
        raise InvalidDatabase(f"the address has more than one @; {_ESCAPE}")
    if _PASSWORD_OPTION.search(address):
        raise InvalidDatabase(f"the password behind the question mark has an @; {_ESCAPE}")
    url = _parsed(address)
    if url is None:
        raise InvalidDatabase(f"the address is not a URL; write {_FORM}; {_ESCAPE}")
    if url.drivername not in {"postgresql", "postgres", _DRIVER}:
        raise InvalidDatabase(
            f"the address begins with {url.drivername!r}, not with postgresql://; write {_FORM}"
        )
    problem = _option_problem(url)
    if problem:
        raise InvalidDatabase(f"the address cannot be used: {problem}; remove what is not known")
    return url.set(drivername=_DRIVER)


_PASSWORD_OPTION = re.compile(r"[?&]password=[^&]*@")
_ESCAPE = "in user and password, write @ as %40, : as %3A and / as %2F"


def _parsed(address: str) -> URL | None:
    try:
        return make_url(address)
    except (ArgumentError, ValueError):  # the second for a port that is not a number
        return None


def _option_problem(url: URL) -> str | None:
    """Return what libpq says of the options behind the question mark, if it does not know one."""
    try:
        make_conninfo("", **{name: str(value) for name, value in url.query.items()})
    except psycopg.ProgrammingError as error:
        return str(error).strip()
    return None


def run_script(connection: Connection, script: str) -> psycopg.Cursor[Any]:
    """Run SQL statements as they are, in the connection's transaction, and return the cursor.

    They go to the driver itself: SQLAlchemy's `text()` trips over `:name`, `exec_driver_sql` over
    `%`. Errors are therefore psycopg's own.
    """
    return cursor(connection).execute(script)


def cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """Return the driver's own cursor in the connection's transaction.

    Begins the transaction if there is none: otherwise SQLAlchemy would not know of it, and would
    not commit it.
    """
    if not connection.in_transaction():
        connection.begin()
    return cast("psycopg.Cursor[Any]", connection.connection.cursor())
