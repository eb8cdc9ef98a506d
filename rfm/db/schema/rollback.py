"""Undoing the migrations, newest first."""

from sqlalchemy import Connection, Engine

from rfm._check.wording import problems
from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import mapping_of
from rfm.db.mapping.slots import customers_table
from rfm.db.schema.apply import changing
from rfm.db.schema.exclusive import exclusive
from rfm.db.schema.migrations import Migration, migrations
from rfm.db.schema.ownership import foreign_objects
from rfm.db.schema.required import refuse_newer
from rfm.db.schema.status import State, read_status
from rfm.db.sql import run
from rfm.errors import PreflightFailed, UnknownMigration


def rollback(database: Engine | str, to: str | None = None) -> list[Migration]:
    """Undo every migration after `to`, newest first, and return those that were undone.

    Without `to`, all of them. Each rollback file and the removal of its record commit together.
    What was pasted by hand is undone as well. The scores, the models and the timeline are dropped;
    customers, orders, messages and deals stay. Raises `UnknownMigration` for a name that is none,
    `DatabaseBusy` as `apply` does, and, before anything is undone, `PreflightFailed` if an object
    that would be dropped is not rfm's.

    >>> from rfm.db import status
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     _ = rollback(engine)
    ...     sorted({str(one.state) for one in status(engine)})
    ['missing', 'not enabled']
    """
    names = [migration.name for migration in migrations()]
    if to is not None and to not in names:
        raise UnknownMigration(f"there is no migration {to!r}; there are {', '.join(names)}")
    after = names.index(to) + 1 if to else 0
    return undo(engine_of(database), names[after:])


def undo(engine: Engine, names: list[str]) -> list[Migration]:
    """Undo those migrations of some names that are there, newest first, and return them."""
    if not _newest_first(engine, names):
        return []
    with exclusive(engine):
        undone = _newest_first(engine, names)  # once more: another session may have undone them
        for migration in undone:
            _undo(engine, migration)
    return undone


def _newest_first(engine: Engine, names: list[str]) -> list[Migration]:
    """Return the migrations to undo; refuse them all if one of them cannot be undone."""
    with engine.connect() as connection:
        mapping = mapping_of(connection)
        _refuse_record_of_others(connection, mapping)
        named = [one for one in migrations(mapping) if one.name in names]
        present = _present(connection, named)
        _refuse_foreign_objects(connection, present)
    return present[::-1]


def _present(connection: Connection, candidates: list[Migration]) -> list[Migration]:
    """Return those of which something is there, or on record."""
    statuses = read_status(connection, mapping_of(connection))
    refuse_newer(connection, statuses)
    absent = {State.MISSING, State.NOT_ENABLED}
    present = {one.migration for one in statuses if one.state not in absent}
    return [one for one in candidates if one in present]


def _refuse_foreign_objects(connection: Connection, present: list[Migration]) -> None:
    found = foreign_objects(connection, [one for m in present for one in m.objects])
    if found:
        where = f"in database {connection.engine.url.database!r}, nothing was rolled back"
        raise PreflightFailed(problems(found, where))


def _undo(engine: Engine, migration: Migration) -> None:
    with changing(engine, migration) as connection:
        run_script(connection, migration.rollback_script)
        run(connection, "internal/schema/forget_migration", name=migration.name)


def _refuse_record_of_others(connection: Connection, mapping: Mapping | None) -> None:
    found = run(
        connection, "internal/obstacles/record_of_others", customers=customers_table(mapping)
    )
    listed = [row.problem for row in found]
    if listed:
        where = f"in database {connection.engine.url.database!r}, nothing was rolled back"
        raise PreflightFailed(problems(listed, where))
