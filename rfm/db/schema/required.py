"""What a command needs of the schema: refused at the door, not somewhere in the middle."""

from typing import Final

from sqlalchemy import Connection

from rfm.db.mapping.record import mapping_of
from rfm.db.schema.migrations import DatabaseObject
from rfm.db.schema.status import MigrationStatus, State, read_status
from rfm.errors import SchemaOutdated

SCORING: Final = "20250115000001_create_lead_scoring"
CUSTOMERS: Final = "20250115000002_create_post_migration_objects"
OPERATIONS: Final = "20250115000003_create_lead_score_operations"


def require_migration(connection: Connection, migration: str = SCORING) -> None:
    """Raise `SchemaOutdated` unless the database has this migration, as this version ships it.

    Those between the lead scoring and this one are needed as well.

    Put by hand counts as applied. An index that is missing makes a command slow, not wrong: it is
    no reason to refuse. `verify` and `status` do not ask: to tell what is missing is their work.

    >>> from rfm.testing import example_engine
    >>> with example_engine().connect() as connection:
    ...     require_migration(connection)
    """
    for found in read_status(connection, mapping_of(connection)):
        if SCORING <= found.migration.name <= migration:
            _refuse_unless_complete(connection, found)


def _refuse_unless_complete(connection: Connection, found: MigrationStatus) -> None:
    missing = [one for one in found.missing if one.kind != "index"]
    if found.state is State.EDITED or missing:
        raise SchemaOutdated(
            f"{found.migration.name} is {found.state}{_lacks(found, missing)} in database "
            f"{connection.engine.url.database!r}; {_remedy(found.state)}, then try again"
        )


def _lacks(found: MigrationStatus, missing: list[DatabaseObject]) -> str:
    """Of a migration that is not there at all, every object is missing: that says nothing."""
    if found.state in {State.MISSING, State.EDITED}:
        return ""
    return f": it lacks {', '.join(map(str, missing))}"


def _remedy(state: State) -> str:
    if state is State.EDITED:
        return "roll back with the version that applied it and run `rfm.db.apply`"
    return "run `rfm.db.apply`"
