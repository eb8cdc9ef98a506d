"""Whether the selects of a mapping give what the views on them need."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection

from rfm.db.connect import cursor
from rfm.db.mapping.base_tables import Columns, reference_types
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import timeline_select
from rfm.db.schema.preflight.obstacles import become_owner
from rfm.db.sql import run

_AMOUNT = ("numeric", "int8", "int4", "int2")


@dataclass(frozen=True, slots=True)
class _Select:
    """A select of the mapping: where it stands there, its text, the columns it has to give."""

    place: str
    sql: str
    columns: Columns
    private: bool  # signed-in users read it: row-level security has to hold all the way down


def select_problems(connection: Connection, mapping: Mapping | None) -> list[str]:
    """Return what is wrong with the mapping's selects; nothing without a mapping.

    Each is tried as a view, as the triggers will run it: by the owner of the customers, with an
    empty search_path, on up to 1,000 rows. The view is gone before this returns.
    """
    if mapping is None:
        return []
    return [p for select in _selects(mapping) for p in _problems(connection, mapping, select)]


def _selects(mapping: Mapping) -> Iterator[_Select]:
    key = reference_types(mapping)
    yield _Select(
        "orders.select",
        mapping.orders.select,
        {"customer_id": key, "ordered_at": ("timestamptz",), "amount": _AMOUNT},
        private=False,
    )
    for activity in mapping.timeline:
        yield _Select(
            f"the select of timeline entry {activity.type!r}",
            activity.select,
            {
                "customer_id": key,
                "created_at": ("timestamptz",),
                "activity_id": (),
                "metadata": ("jsonb",),
            },
            private=True,
        )
    if mapping.deals:
        yield _Select(
            "deals.select",
            mapping.deals.select,
            {
                "deal_id": (),
                "customer_id": key,
                "stage": (),
                "value": _AMOUNT,
                "created_at": ("timestamptz",),
                "closed_at": ("timestamptz",),
            },
            private=True,
        )
    yield _Select("the timeline's selects together", timeline_select(mapping), {}, private=False)


def _problems(connection: Connection, mapping: Mapping, select: _Select) -> list[str]:
    savepoint = connection.begin_nested()
    try:
        become_owner(connection, mapping)
        _create_probe(connection, select.sql)
        return _probe_problems(connection, select)
    except psycopg.errors.QueryCanceled:  # too slow for a trial: what it found so far was right
        return []
    except psycopg.Error as error:
        return [f"{select.place} fails: {error.diag.message_primary}; {_advice(error)}"]
    finally:
        savepoint.rollback()


def _probe_problems(connection: Connection, select: _Select) -> list[str]:
    found = [
        *_column_problems(connection, select),
        *(_unprotected(connection, select) if select.private else []),
        *_hidden_rows(connection, select),
        *_foreign_code(connection, select),
    ]
    if not found:  # code that is not trusted is not run
        run(connection, "internal/selects/rows")
    return found


_PROBE = """
create view public.rfm_probe with (security_invoker = true) as select q.* from (\n{select}\n) as q
"""

_NAME_ERRORS = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
)


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, _NAME_ERRORS):
        return "it runs with an empty search_path, so write every name with its schema"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "it runs as the owner of the customers, so grant that role what it reads"
    return "change it, so that every row of its tables can be read"


def _create_probe(connection: Connection, select: str) -> None:
    # binary: by the protocol that takes one statement and no more
    cursor(connection).execute(_PROBE.format(select=select), binary=True)


def _column_problems(connection: Connection, select: _Select) -> Iterator[str]:
    found = {row.name: row.type for row in run(connection, "internal/selects/columns")}
    for column, types in select.columns.items():
        if column not in found:
            yield f"{select.place} has no column {column} (found: {', '.join(found)})"
        elif types and found[column] not in types:
            yield f"{select.place}: {column} is {found[column]}, not {' or '.join(types)}"


def _unprotected(connection: Connection, select: _Select) -> Iterator[str]:
    for row in run(connection, "internal/selects/unprotected_views"):
        if row.is_materialized:
            yield f"{select.place} reads materialized view {row.name}, which shows every row to all"
        else:
            yield (
                f"{select.place} reads view {row.name}, which shows every reader its owner's rows; "
                f"alter view {row.name} set (security_invoker = true)"
            )


def _hidden_rows(connection: Connection, select: _Select) -> Iterator[str]:
    for row in run(connection, "internal/selects/hidden_rows"):
        yield (
            f"{select.place} reads table {row.name}, whose row-level security hides rows from role "
            f'{row.reader}; run "alter role {row.reader} bypassrls", or let that role own the table'
        )


def _foreign_code(connection: Connection, select: _Select) -> Iterator[str]:
    for row in run(connection, "internal/selects/foreign_code"):
        yield (
            f"{select.place} uses {row.name}, which role {row.owner} can change and which would "
            f"run as role {row.trusted}; change its owner to {row.trusted}"
        )
