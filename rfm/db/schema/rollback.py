"""Undoing the migrations, newest first."""

from sqlalchemy import Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import mapping_of
from rfm.db.schema.apply import changing
from rfm.db.schema.exclusive import exclusive
from rfm.db.schema.migrations import Migration, migrations
from rfm.db.schema.ownership import not_ours
from rfm.db.schema.required import refuse_newer
from rfm.db.schema.status import State, read_status
from rfm.db.sql import run
from rfm.errors import PreflightFailed, UnknownMigration


def rollback(database: Engine | str, to: str | None = None) -> list[Migration]:
    """Undo every migration after `to`, newest first, and return those that were undone.

    Without `to`, all of them. Each rollback file and the removal of its record commit together.
    What was pasted by hand is undone as well. The scores, the models and the timeline are dropped;
    customers, orders, messages and deals stay. Raises `UnknownMigration` for a name that is none,
    and `DatabaseBusy` as `apply` does.

    >>> from rfm.db import status
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     _ = rollback(engine)
    ...     {str(one.state) for one in status(engine)}
    {'missing'}
    """
    names = [migration.name for migration in migrations()]
    if to is not None and to not in names:
        raise UnknownMigration(f"there is no migration {to!r}; there are {', '.join(names)}")
    after = names.index(to) + 1 if to else 0
    engine = engine_of(database)
    with exclusive(engine):
        with engine.connect() as connection:
            mapping = mapping_of(connection)
        newest_first = reversed(migrations(mapping)[after:])
        undone = [undo_one(engine, migration, mapping) for migration in newest_first]
    return [migration for migration in undone if migration is not None]


def undo_one(engine: Engine, migration: Migration, mapping: Mapping | None) -> Migration | None:
    """Undo one migration and remove its record; return it, or None where it is missing."""
    with changing(engine, migration) as connection:
        statuses = read_status(connection, mapping)
        refuse_newer(connection, statuses)
        states = {one.migration: one.state for one in statuses}
        if states[migration] is State.MISSING:
            return None
        strangers = not_ours(connection, migration)
        if strangers:
            raise PreflightFailed(
                f"{migration.name} was not rolled back: {', '.join(map(str, strangers))} would be "
                "dropped, and is not rfm's; nothing of it was changed, drop by hand what is to go"
            )
        run_script(connection, migration.rollback_script)
        [(record,)] = run_script(connection, "select to_regclass('rfm.applied_migrations')")
        if record:
            run(connection, "internal/schema/forget_migration", name=migration.name)
        return migration
