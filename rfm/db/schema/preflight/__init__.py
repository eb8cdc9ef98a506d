"""What has to be true of a database before a migration may touch it."""

from sqlalchemy import Connection

from rfm._check.wording import problems
from rfm.db.connect import run_script
from rfm.db.mapping.base_tables import base_tables
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import customers_table, key_column
from rfm.db.schema.migrations import migrations
from rfm.db.schema.ownership import foreign_objects
from rfm.db.schema.preflight.obstacles import obstacles, update_problems
from rfm.db.schema.preflight.selects import select_problems
from rfm.db.sql import run
from rfm.errors import PreflightFailed

OLDEST_SERVER = 15


def preflight(connection: Connection, mapping: Mapping | None) -> None:
    """Raise one `PreflightFailed` that lists everything that stands in the migrations' way."""
    found = [
        *_server_problems(connection),
        *_table_problems(connection, mapping),
        *obstacles(connection, mapping),
        *_name_problems(connection, mapping),
    ]
    if not found:  # a select on tables that are not there would say the same again
        found = [
            *_key_problems(connection, mapping),
            *update_problems(connection, mapping),
            *select_problems(connection, mapping),
        ]
    if found:
        where = f"in database {connection.engine.url.database!r}, nothing was changed"
        raise PreflightFailed(f"{problems(found, where)}\n{_advice(mapping)}")


def _advice(mapping: Mapping | None) -> str:
    if mapping:
        return "the mapping says what rfm looks for; docs/how-to/map-my-schema.md explains it"
    return (
        "rfm looks for the tables of sql/demo/base_tables.sql in schema public; "
        "if yours have other names, write a mapping: docs/how-to/map-my-schema.md"
    )


def _server_problems(connection: Connection) -> list[str]:
    [(number,)] = run_script(connection, "show server_version_num")
    version = int(number) // 10_000
    if version < OLDEST_SERVER:
        return [f"PostgreSQL {version} is too old; {OLDEST_SERVER} or newer is needed"]
    return []


def _table_problems(connection: Connection, mapping: Mapping | None) -> list[str]:
    wanted = base_tables(mapping)
    found: dict[str, dict[str, str]] = {}
    for row in run(connection, "internal/schema/columns_of_tables", tables=list(wanted)):
        found.setdefault(row.table_name, {})[row.column_name] = row.type_name
    return [
        problem
        for table, columns in wanted.items()
        for problem in _column_problems(table, columns, found.get(table))
    ]


def _column_problems(
    table: str, wanted: dict[str, tuple[str, ...]], found: dict[str, str] | None
) -> list[str]:
    if found is None:
        return [f"table {table} is missing, or is no table"]
    missing = [f"column {table}.{column} is missing" for column in wanted if column not in found]
    other = [
        f"column {table}.{column} is {found[column]}, not {' or '.join(types)}"
        for column, types in wanted.items()
        if column in found and types and found[column] not in types
    ]
    return missing + other


def _name_problems(connection: Connection, mapping: Mapping | None) -> list[str]:
    wanted = [one for migration in migrations(mapping) for one in migration.objects]
    return foreign_objects(connection, wanted)


def _key_problems(connection: Connection, mapping: Mapping | None) -> list[str]:
    table, key = customers_table(mapping), key_column(mapping)
    [(unique,)] = run(connection, "internal/schema/unique_index", table=table, key=key)
    if unique:
        return []
    return [f"column {table}.{key} has no unique index, and every order would look for it there"]
