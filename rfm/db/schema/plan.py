"""Which migrations would be applied, and what they would create: looked at, not done."""

from sqlalchemy import Engine

from rfm.db.connect import engine_of
from rfm.db.schema.migrations import Migration
from rfm.db.schema.preflight import preflight
from rfm.db.schema.required import refuse_newer
from rfm.db.schema.status import State, read_status
from rfm.errors import MigrationEdited


def plan(engine: Engine) -> list[Migration]:
    """Return the migrations that `apply` would run now, in order; nothing is changed.

    A migration that was pasted by hand, or only half of it, is among them: its file is safe to run
    twice, and running it puts it on record. Raises `PreflightFailed` when a base table or column is
    missing or has another type, and `MigrationEdited` when an applied file is not the shipped one.

    >>> from rfm.testing import example_engine
    >>> plan(example_engine())
    []
    """
    with engine_of(engine).connect() as connection:
        preflight(connection)
        statuses = read_status(connection)
        refuse_newer(connection, statuses)
    edited = [s.migration.name for s in statuses if s.state is State.EDITED]
    if edited:
        raise MigrationEdited(
            f"{len(edited)} applied migration(s) differ from the shipped file: "
            f"{', '.join(edited)}; roll back with the version, and the mapping, that applied them, "
            "then apply again"
        )
    return [s.migration for s in statuses if s.state is not State.APPLIED]
