"""What has to be true of a database before a migration may touch it."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from rfm.db.migrations import migrations
from rfm.db.ownership import not_ours
from rfm.errors import PreflightFailed

OLDEST_SERVER = 15

_TEXT = ("text", "varchar", "bpchar", "citext", "name")
_TIME = ("timestamptz",)
_KEY = ("uuid",)
_CENTS = ("int8", "int4", "int2")

# table -> column -> the types that the shipped migrations work with
BASE_TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "customers": {"id": _KEY, "email": _TEXT, "full_name": _TEXT},
    "orders": {
        "id": _KEY,
        "customer_id": _KEY,
        "status": ("text", "varchar"),
        "total_cents": _CENTS,
        "currency": _TEXT,
        "event_name": _TEXT,
        "created_at": _TIME,
    },
    "messages": {
        "id": _KEY,
        "customer_id": _KEY,
        "channel": _TEXT,
        "direction": _TEXT,
        "subject": _TEXT,
        "created_at": _TIME,
    },
    "deals": {
        "id": _KEY,
        "customer_id": _KEY,
        "title": _TEXT,
        "stage": _TEXT,
        "value_cents": _CENTS,
        "created_at": _TIME,
        "closed_at": _TIME,
    },
}

_COLUMNS = text("""
    select c.relname as table_name, a.attname as column_name, t.typname as type_name
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    inner join pg_catalog.pg_type as t on t.oid = a.atttypid
    where
        c.relnamespace = to_regnamespace('public')
        and c.relkind in ('r', 'p')
        and c.relname = any (:tables)
        and a.attnum > 0
        and not a.attisdropped
""")


def preflight(connection: Connection) -> None:
    """Raise one `PreflightFailed` that lists everything that stands in the migrations' way."""
    problems = [
        *_server_problems(connection),
        *_table_problems(connection),
        *_right_problems(connection),
        *_name_problems(connection),
    ]
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise PreflightFailed(
            f"{_counted(problems)} in database {connection.engine.url.database!r}, "
            f"nothing was changed:{listed}\n"
            "rfm needs the CRM's own tables in schema public; sql/demo/base_tables.sql shows them"
        )


def _counted(problems: list[str]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"


def _server_problems(connection: Connection) -> list[str]:
    version = int(connection.scalar(text("show server_version_num")) or 0) // 10_000
    if version < OLDEST_SERVER:
        return [f"PostgreSQL {version} is too old; {OLDEST_SERVER} or newer is needed"]
    return []


def _table_problems(connection: Connection) -> list[str]:
    rows = connection.execute(_COLUMNS, {"tables": list(BASE_TABLES)})
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row.table_name, {})[row.column_name] = row.type_name
    return [
        problem
        for table, columns in BASE_TABLES.items()
        for problem in _column_problems(table, columns, found.get(table))
    ]


def _name_problems(connection: Connection) -> list[str]:
    return [
        f"{one} is there already and not rfm's; rename it, or comment on it as rfm does if it is"
        for migration in migrations()
        for one in not_ours(connection, migration)
    ]


_RIGHTS = text("""
    select
        c.relname as table_name,
        current_user as role_name,
        pg_has_role(c.relowner, 'usage') as owned,
        c.relforcerowsecurity and not (r.rolsuper or r.rolbypassrls) as forced
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_roles as r on r.rolname = current_user
    where
        c.relnamespace = to_regnamespace('public')
        and c.relkind in ('r', 'p')
        and c.relname = any (:tables)
    order by c.relname
""")


def _right_problems(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_RIGHTS, {"tables": list(BASE_TABLES)}):
        if not row.owned:
            yield f"role {row.role_name} does not own table public.{row.table_name}"
        if row.forced:
            yield (
                f"table public.{row.table_name} forces row-level security on its owner, and role "
                f"{row.role_name} would see too few rows for true scores; give it BYPASSRLS"
            )


def _column_problems(
    table: str, wanted: dict[str, tuple[str, ...]], found: dict[str, str] | None
) -> list[str]:
    if found is None:
        return [f"table public.{table} is missing, or is no table"]
    missing = [
        f"column public.{table}.{column} is missing" for column in wanted if column not in found
    ]
    other = [
        f"column public.{table}.{column} is {found[column]}, not {' or '.join(types)}"
        for column, types in wanted.items()
        if column in found and found[column] not in types
    ]
    return missing + other
