"""Which migrations a database has: by the record of applied files, and by the catalogue itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping, may_read_record
from rfm.db.schema.contents import DatabaseObject
from rfm.db.schema.migrations import Migration, migrations
from rfm.db.schema.ownership import FoundObject, find_objects


class State(StrEnum):
    """How a migration stands in a database."""

    MISSING = "missing"  # not recorded, and no object of rfm's exists
    APPLIED = "applied"  # recorded, and every object exists
    PASTED = "pasted"  # not recorded, and every object exists: applied by hand
    PARTIAL = "partial"  # not recorded, and some objects exist
    DAMAGED = "damaged"  # recorded, but objects are missing
    EDITED = "edited"  # recorded with another text than the shipped one
    NOT_ENABLED = "not enabled"  # missing, and only applied when it is asked for
    NEWER = "newer"  # recorded, and not shipped with this version of rfm


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration's state; when it was applied; which of its objects are missing.

    Of a `newer` migration only the name is known: its scripts are empty.
    """

    migration: Migration
    state: State
    applied_at: datetime | None
    missing: tuple[DatabaseObject, ...]


def status(database: Engine | str, mapping: Mapping | None = None) -> list[MigrationStatus]:
    """Return the state of every migration, in order, from one snapshot of the catalogue.

    mapping: what the tables are called, in a database that has none on record.

    Those that a newer version of rfm has applied come last. Reads the record that `apply` writes
    and looks for each object, so it also finds what was pasted or dropped by hand. For a role that
    may not read the record, an applied migration looks pasted.

    >>> from rfm.testing import example_engine
    >>> [str(one.state) for one in status(example_engine())]
    ['applied', 'applied', 'applied', 'applied', 'applied', 'applied', 'not enabled']
    """
    with engine_of(database).connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return read_status(connection, choose_mapping(connection, mapping))


def read_status(connection: Connection, mapping: Mapping | None) -> list[MigrationStatus]:
    """Do the same as `status` inside the caller's transaction, for the files of a mapping."""
    ours = migrations(mapping)
    record = _read_record(connection)
    found = find_objects(connection, (o for m in ours for o in m.objects))
    newer = sorted(record.keys() - {migration.name for migration in ours})
    return [
        *(_status(migration, record, found) for migration in ours),
        *(
            MigrationStatus(Migration(name, "", ""), State.NEWER, record[name][1], ())
            for name in newer
        ),
    ]


def _status(
    migration: Migration, record: dict[str, tuple[str, datetime]], found: list[FoundObject]
) -> MigrationStatus:
    complete = {one.wanted for one in found if one.is_complete}
    ours = {one.wanted for one in found if one.is_ours}
    missing = tuple(one for one in migration.objects if one not in complete)
    checksum, applied_at = record.get(migration.name, (None, None))
    if checksum is None:
        state = _unrecorded(migration, missing, begun=not ours.isdisjoint(migration.objects))
    elif checksum != migration.checksum:
        state = State.EDITED
    else:
        state = State.DAMAGED if missing else State.APPLIED
    return MigrationStatus(migration, state, applied_at, missing)


def _unrecorded(migration: Migration, missing: tuple[DatabaseObject, ...], *, begun: bool) -> State:
    if not begun:  # objects of others have nothing to do with it
        return State.NOT_ENABLED if migration.opt_in else State.MISSING
    return State.PARTIAL if missing else State.PASTED


def _read_record(connection: Connection) -> dict[str, tuple[str, datetime]]:
    if not may_read_record(connection, "applied_migrations"):
        return {}
    rows = run_script(connection, "select name, checksum, applied_at from rfm.applied_migrations")
    return {name: (checksum, applied_at) for name, checksum, applied_at in rows}
