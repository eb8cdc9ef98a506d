"""Which migrations a command needs: checked before it starts."""

from typing import Final

from sqlalchemy import Connection

import rfm
from rfm._check.wording import count
from rfm.db.mapping.record import mapping_of
from rfm.db.schema.contents import DatabaseObject
from rfm.db.schema.status import MigrationStatus, State, read_status
from rfm.errors import SchemaNewer, SchemaOutdated

SCORING: Final = "20250115000001_create_lead_scoring"
CUSTOMERS: Final = "20250115000002_create_post_migration_objects"
OPERATIONS: Final = "20250115000003_create_lead_score_operations"
EXPLANATIONS: Final = "20250115000005_create_lead_score_explanations"
SEGMENTS: Final = "20250115000004_create_customer_segments"
HISTORY: Final = "20250115000006_create_lead_score_history"


def require_migration(connection: Connection, migration: str = SCORING) -> None:
    """Raise `SchemaOutdated` unless the database has this migration, as this version ships it.

    Raises `SchemaNewer` if it also has one that this version does not know.

    Those between the lead scoring and this one are needed as well.

    A migration that was applied by hand counts. A missing index does not: it makes a command slow,
    not wrong. `verify` and `status` do not call this: they report what is missing.

    >>> from rfm.testing import example_engine
    >>> with example_engine().connect() as connection:
    ...     require_migration(connection)
    """
    statuses = read_status(connection, mapping_of(connection))
    refuse_newer(connection, statuses)
    for found in statuses:
        is_needed = found.state is not State.NOT_ENABLED or found.migration.name == migration
        if SCORING <= found.migration.name <= migration and is_needed:
            _refuse_unless_complete(connection, found)


def refuse_newer(connection: Connection, statuses: list[MigrationStatus]) -> None:
    """Raise `SchemaNewer` if a newer version of rfm has applied a migration."""
    newer = [one.migration.name for one in statuses if one.state is State.NEWER]
    if newer:
        found = count(len(newer), "applied migration is", "applied migrations are")
        raise SchemaNewer(
            f"{found} of a newer version than rfm {rfm.__version__} in database "
            f"{connection.engine.url.database!r}: {', '.join(newer)}; nothing was changed, "
            "upgrade rfm (pip install --upgrade rfm-scoring)"
        )


def _refuse_unless_complete(connection: Connection, found: MigrationStatus) -> None:
    missing = [one for one in found.missing if one.kind != "index"]
    if found.state is State.EDITED or missing:
        raise SchemaOutdated(
            f"{found.migration.name} is {found.state}{_lacks(found, missing)} in database "
            f"{connection.engine.url.database!r}; {_remedy(found)}, then try again"
        )


def _lacks(found: MigrationStatus, missing: list[DatabaseObject]) -> str:
    """Of a migration that is not there at all, every object is missing: that says nothing."""
    if found.state in {State.MISSING, State.NOT_ENABLED, State.EDITED}:
        return ""
    return f": it lacks {', '.join(map(str, missing))}"


def _remedy(found: MigrationStatus) -> str:
    if found.state is State.EDITED:
        return "roll back with the version that applied it and run `rfm.db.apply`"
    # the history is the only optional one
    return "run `rfm.db.enable_history`" if found.migration.opt_in else "run `rfm.db.apply`"
