"""The one way to run SQL: a named file, sent to the driver with its values written in.

The files stand below `sql/`, each with a comment in its first line that says what it answers. A
parameter is written `%(name)s`, as psycopg has it: psycopg itself then writes the values in, for
its own connections and for the ADBC reader alike. Values without a type of their own, such as the
keys of customers, so take the type of the column beside them.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection

from rfm.db.connect import cursor

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# no text in PostgreSQL holds it, so it keeps our parameters apart from other percent signs
_MARK = "\0("


def run(connection: Connection, name: str, /, **values: object) -> psycopg.Cursor[Any]:
    """Run the statements of `sql/<name>.sql` in the connection's transaction.

    The rows are named tuples. Errors are psycopg's own.

    >>> from rfm.testing import example_engine
    >>> with example_engine().connect() as connection:
    ...     [row.number for row in run(connection, "internal/models/all_models")]
    [1]
    """
    script = written_out(connection, name, **values)
    driver = cursor(connection)
    driver.row_factory = namedtuple_row
    return driver.execute(script)


def written_out(connection: Connection, name: str, /, **values: object) -> str:
    """Return the text of `sql/<name>.sql` with the values in it."""
    script = read_sql(name)
    if not values:
        return script
    query = script.replace("%(", _MARK).replace("%", "%%").replace(_MARK, "%(")
    # not driver_connection: a connection that was detached from its pool has none
    driver = cast("psycopg.Connection", connection.connection.dbapi_connection)
    return psycopg.ClientCursor(driver).mogrify(query, values)


def read_sql(name: str) -> str:
    """Return the text of `sql/<name>.sql`, as it ships."""
    return _read(f"{name}.sql")


def read_toml(name: str) -> str:
    """Return the text of `sql/<name>.toml`, as it ships."""
    return _read(f"{name}.toml")


def sql_names(folder: str) -> list[str]:
    """Return the names of the files in `sql/<folder>/`, sorted, without their ending."""
    names = (file.name for file in _folder(folder).iterdir())
    return sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql"))


def _read(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return (_folder(folder) / name).read_text(encoding="utf-8")


def _folder(path: str) -> "Traversable":
    return files("rfm.sql").joinpath(*path.split("/"))
