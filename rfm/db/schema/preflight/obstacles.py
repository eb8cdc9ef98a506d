"""What would make a write fail, or a score false, after the migrations: each is found before."""

from collections.abc import Iterator

import psycopg
from sqlalchemy import Connection

from rfm.db.connect import run_script
from rfm.db.mapping.base_tables import base_tables
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import customers_table, key_column, order_tables, render
from rfm.db.sql import read_sql, run, sql_names

_FOLDER = "internal/obstacles"
_DEFAULT_ORDER_COLUMNS = ("customer_id", "created_at", "total_cents")


def obstacles(connection: Connection, mapping: Mapping | None) -> Iterator[str]:
    """Yield one sentence for each obstacle that the catalogue shows: what is wrong, and what to do.

    Each file of `sql/internal/obstacles/` looks for one kind. A table or column that is missing is
    not reported here.
    """
    values = _values(mapping)
    for name in sql_names(_FOLDER):
        for row in run(connection, f"{_FOLDER}/{name}", **values):
            yield row.problem


def update_problems(connection: Connection, mapping: Mapping | None) -> Iterator[str]:
    """Yield what PostgreSQL says if nobody can update a customer, as each scoring does.

    A publication asks for a replica identity that fits its columns and its filter. The update is
    explained as the owner of the customers, and not done.
    """
    savepoint = connection.begin_nested()
    try:
        become_owner(connection, mapping)
        run_script(connection, render(read_sql("internal/schema/update_of_customers"), mapping))
    except psycopg.Error as error:
        table = customers_table(mapping)
        yield (
            f"no customer can be updated, so none could be scored: {error.diag.message_primary}; "
            f'run "alter table {table} replica identity full", or change what the error names'
        )
    finally:
        savepoint.rollback()


def become_owner(connection: Connection, mapping: Mapping | None) -> None:
    """Become the owner of the customers, with an empty search_path, until the savepoint ends.

    A statement may take 10 s.
    """
    run_script(connection, render(read_sql("internal/schema/become_owner"), mapping))


def _values(mapping: Mapping | None) -> dict[str, object]:
    orders = order_tables(mapping)
    columns = _order_columns(mapping)
    pairs = [(table, name) for table, names in zip(orders, columns, strict=True) for name in names]
    covering = [
        (table, name) for table, names in zip(orders, columns, strict=True) for name in names[2:]
    ]
    return {
        "customers": customers_table(mapping),
        "key": key_column(mapping),
        "tables": list(base_tables(mapping)),
        "orders": orders,
        "order_customers": [names[0] for names in columns],
        "order_tables": [table for table, _ in pairs],
        "order_columns": [name for _, name in pairs],
        "covering_tables": [table for table, _ in covering],
        "covering_columns": [name for _, name in covering],
    }


def _order_columns(mapping: Mapping | None) -> list[tuple[str, ...]]:
    """Return what the index of each order table holds: the customer, the time, other columns."""
    if mapping is None:
        return [_DEFAULT_ORDER_COLUMNS]
    return [(one.customer, one.ordered_at, *one.covering) for one in mapping.orders.tables]
