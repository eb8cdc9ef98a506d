"""The mapping that a database was applied with: the database remembers it."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from pydantic import BaseModel
from sqlalchemy import Connection, Engine

from rfm._check.wording import problems
from rfm.db.arguments import check_type
from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping, TableName
from rfm.db.sql import run
from rfm.errors import InvalidMapping, MappingDiffers, RecordUnreadable

_HOW = (
    "nothing was changed; rfm db mapping prints the recorded one, and "
    "docs/how-to/map-my-schema.md says how to change it"
)


def recorded_mapping(database: Engine | str) -> Mapping | None:
    """Return the mapping that a database was applied with; None means the default tables.

    Raises `RecordUnreadable` for a role that may not read it.

    >>> from rfm.testing import example_engine
    >>> print(recorded_mapping(example_engine()))
    None
    """
    with engine_of(database).connect() as connection:
        return mapping_of(connection)


def mapping_of(connection: Connection) -> Mapping | None:
    """Do the same as `recorded_mapping` inside the caller's transaction."""
    readable = may_read_record(connection, "mapping")
    if readable is None:
        return None
    if not readable:
        [(role,)] = run_script(connection, "select quote_ident(current_user)")
        raise RecordUnreadable(
            f"role {role} may not read the mapping of database "
            f"{connection.engine.url.database!r}; its owner can allow it: "
            f"grant usage on schema rfm to {role}; grant select on rfm.mapping to {role};"
        )
    rows = run_script(connection, "select toml from rfm.mapping")
    return next((_parse(toml) for (toml,) in rows), None)


def may_read_record(connection: Connection, table: str) -> bool | None:
    """Return whether the role may read a table of schema rfm; None: there is no such table.

    Raises `RecordUnreadable` if it is a view, or has row-level security: to read it could run the
    code of whoever made it.
    """
    for row in run(connection, "internal/schema/may_read_record", table=table):
        if not row.is_plain:
            raise RecordUnreadable(
                f"rfm.{table} of database {connection.engine.url.database!r} is not the table that "
                f"rfm creates, and was not read; it belongs to role {row.owner}: ask them, drop it"
            )
        return bool(row.may_read)
    return None


def check_mapping(database: Engine | str, mapping: Mapping) -> None:
    """Raise `MappingDiffers` if a database was applied with another mapping, or without one.

    Comments and white space make no difference. Nothing is changed.

    >>> from rfm.testing import example_engine
    >>> mapping = Mapping.parse('''
    ... customers = { table = "people", key = "id", key_type = "bigint" }
    ... timeline = [{ type = "order", select = "select …" }]
    ... orders.select = "select …"
    ... orders.tables = [{ table = "sales", customer = "buyer", ordered_at = "at" }]
    ... ''')
    >>> check_mapping(example_engine(), mapping)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    rfm.errors.MappingDiffers: a mapping was given, and database ... was applied without one; ...
    """
    with engine_of(database).connect() as connection:
        choose_mapping(connection, mapping)


def choose_mapping(connection: Connection, given: Mapping | None) -> Mapping | None:
    """Return the mapping to use: the recorded one, or the given one where none is recorded.

    Raises `MappingDiffers` if the two are not the same, and `RecordUnreadable` if the role may not
    read the record and no mapping was given.
    """
    if given is None:
        return mapping_of(connection)
    check_type(given, Mapping, "a Mapping, as Mapping.read returns it")
    if may_read_record(connection, "mapping") is False:
        return given
    recorded = mapping_of(connection)
    if recorded is None:
        _refuse_if_applied(connection)
        return given
    found = list(_differences(recorded, given))
    if found:
        database = connection.engine.url.database
        where = f"with the mapping: database {database!r} was applied with another one"
        raise MappingDiffers(f"{problems(found, where)}\n{_HOW}")
    return recorded


@lru_cache(maxsize=16)
def _parse(toml: str) -> Mapping:
    try:
        return Mapping.parse(toml)
    except InvalidMapping as error:
        raise InvalidMapping(
            f"this version of rfm cannot read the mapping that the database has: {error}"
        ) from None


def _refuse_if_applied(connection: Connection) -> None:
    [(applied,)] = run(connection, "internal/mapping/default_tables_in_use")
    if applied:
        database = connection.engine.url.database
        raise MappingDiffers(
            f"a mapping was given, and database {database!r} was applied without one; nothing was "
            "changed; leave the mapping out, or change to it as docs/how-to/map-my-schema.md says"
        )


def _differences(recorded: Mapping, given: Mapping) -> Iterator[str]:
    before, after = dict(_entries(recorded)), dict(_entries(given))
    for place in dict.fromkeys(chain(before, after)):
        old, new = before.get(place), after.get(place)
        if old != new:
            yield f"{place} is {_shown(new)} in the given one, {_shown(old)} in the recorded one"


def _entries(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """List what a mapping says, each with its place: `orders.tables.1.customer`."""
    if isinstance(value, BaseModel):
        parts = [(name, getattr(value, name)) for name in type(value).model_fields]
    elif isinstance(value, tuple) and not isinstance(value, TableName):
        parts = [(str(number), one) for number, one in enumerate(value, 1)]
    else:
        yield place, value
        return
    for name, one in parts:
        yield from _entries(one, f"{place}.{name}" if place else name)


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, TableName):
        return ".".join(value)
    return repr(" ".join(str(value).split()))
