"""Which migrations `apply` would run, and what they would create."""

from collections.abc import Collection

from sqlalchemy import Engine

from rfm.db.connect import engine_of
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping
from rfm.db.schema.migrations import Migration
from rfm.db.schema.preflight import preflight
from rfm.db.schema.required import refuse_newer
from rfm.db.schema.status import State, read_status
from rfm.errors import MigrationEdited


def plan(
    database: Engine | str, mapping: Mapping | None = None, *, also: Collection[str] = ()
) -> list[Migration]:
    """Return the migrations that `apply` would run now, in order; nothing is changed.

    mapping: what the CRM's tables are called; without one, the mapping that the database was
        applied with or, in a database without rfm, the default tables.
    also: names of opt-in migrations to apply too. Without it, those that are not enabled are left
        out.

    A migration that was pasted by hand, or only a part of it, is among them: its file can be run
    twice without harm, and `apply` then records it. Raises `PreflightFailed` if a table or column
    is missing or has another type, or if something that is not rfm's has a name that rfm uses,
    `MappingDiffers` if the database was applied with another
    mapping, and `MigrationEdited` if an applied file is not the shipped one.

    >>> from rfm.testing import example_engine
    >>> plan(example_engine())
    []
    """
    # whatever the engine's default: preflight tries some things, and takes them back
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.connect() as connection:
        chosen = choose_mapping(connection, mapping)
        preflight(connection, chosen)
        statuses = read_status(connection, chosen)
        refuse_newer(connection, statuses)
    edited = [s.migration.name for s in statuses if s.state is State.EDITED]
    if edited:
        raise MigrationEdited(
            f"{len(edited)} applied migration(s) differ from the shipped file: "
            f"{', '.join(edited)}; roll back with the version of rfm that applied them, "
            "then apply again"
        )
    return [
        s.migration
        for s in statuses
        if s.state is not State.APPLIED
        and (s.state is not State.NOT_ENABLED or s.migration.name in also)
    ]
