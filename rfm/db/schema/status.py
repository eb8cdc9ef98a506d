"""What of rfm is in a database: by the record of applied files, and by the catalogue itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, text

from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping
from rfm.db.schema.migrations import DatabaseObject, Migration, migrations


class State(StrEnum):
    """How a migration stands in a database."""

    MISSING = "missing"  # no record, no object
    APPLIED = "applied"  # recorded, and every object is there
    PASTED = "pasted"  # every object is there, put by hand: no record
    PARTIAL = "partial"  # some objects are there, no record
    DAMAGED = "damaged"  # recorded, but objects are missing
    EDITED = "edited"  # recorded with another text than the shipped one


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration's state; when it was applied; which of its objects are missing."""

    migration: Migration
    state: State
    applied_at: datetime | None
    missing: tuple[DatabaseObject, ...]


def status(engine: Engine, mapping: Mapping | None = None) -> list[MigrationStatus]:
    """Return the state of every shipped migration, in order, from one snapshot of the catalogue.

    Reads the record that `apply` keeps and looks for each object, so that it also tells what was
    pasted by hand, and what was dropped by hand. To a role that may not read the record, what was
    applied looks pasted.

    >>> from rfm.testing import example_engine
    >>> [str(one.state) for one in status(example_engine())]
    ['applied', 'applied', 'applied', 'applied']
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return read_status(connection, choose_mapping(connection, mapping))


def read_status(connection: Connection, mapping: Mapping | None) -> list[MigrationStatus]:
    """Do the same as `status` inside the caller's transaction, for the files of a mapping."""
    ours = migrations(mapping)
    record = _read_record(connection)
    present = _existing(connection, (o for m in ours for o in m.objects))
    return [_status(migration, record, present) for migration in ours]


def _status(
    migration: Migration,
    record: dict[str, tuple[str, datetime]],
    present: set[DatabaseObject],
) -> MigrationStatus:
    missing = tuple(one for one in migration.objects if one not in present)
    checksum, applied_at = record.get(migration.name, (None, None))
    return MigrationStatus(migration, _state(migration, checksum, missing), applied_at, missing)


def _state(
    migration: Migration, checksum: str | None, missing: tuple[DatabaseObject, ...]
) -> State:
    if checksum is None:
        if not missing:
            return State.PASTED
        return State.MISSING if len(missing) == len(migration.objects) else State.PARTIAL
    if checksum != migration.checksum:
        return State.EDITED
    return State.DAMAGED if missing else State.APPLIED


# by name, not to_regclass(): that fails for a role without a right on the schema
_MAY_READ_RECORD = text("""
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'rfm' and c.relname = 'applied_migrations'
""")


def _read_record(connection: Connection) -> dict[str, tuple[str, datetime]]:
    if not connection.scalar(_MAY_READ_RECORD):
        return {}
    rows = connection.execute(text("select name, checksum, applied_at from rfm.applied_migrations"))
    return {row.name: (row.checksum, row.applied_at) for row in rows}


_EXISTING = text("""
    select o.kind, o.name
    from unnest(cast(:kinds as text[]), cast(:names as text[])) as o (kind, name)
    where
        case o.kind
            when 'function' then to_regprocedure(o.name) is not null
            when 'procedure' then to_regprocedure(o.name) is not null
            when 'trigger' then exists (
                select from pg_catalog.pg_trigger as t
                where
                    t.tgname = split_part(o.name, ' on ', 1)
                    and t.tgrelid = to_regclass(substring(o.name from ' on (.*)$'))
            )
            when 'column' then exists (
                select from pg_catalog.pg_attribute as a
                where
                    a.attrelid = to_regclass(substring(o.name from '^(.*)\\.'))
                    and a.attname = substring(o.name from '[^.]*$')
                    and not a.attisdropped
            )
            else exists (
                select from pg_catalog.pg_class as c
                where
                    c.oid = to_regclass(o.name)
                    and not exists (
                        select from pg_catalog.pg_index as i
                        where i.indexrelid = c.oid and not i.indisvalid
                    )
                    and c.relkind = case o.kind
                        when 'table' then 'r'
                        when 'index' then 'i'
                        when 'view' then 'v'
                        when 'materialized view' then 'm'
                    end
            )
        end
""")


def _existing(connection: Connection, objects: Iterable[DatabaseObject]) -> set[DatabaseObject]:
    wanted = list(objects)
    rows = connection.execute(
        _EXISTING, {"kinds": [o.kind for o in wanted], "names": [o.name for o in wanted]}
    )
    return {DatabaseObject(row.kind, row.name) for row in rows}
