"""Which tables and columns that bear our names are somebody else's."""

from sqlalchemy import Connection

from rfm.db.schema.migrations import DatabaseObject, Migration
from rfm.db.sql import run


def not_ours(connection: Connection, migration: Migration) -> list[DatabaseObject]:
    """Return the tables and columns of a migration that are there without its comment on them."""
    ours = migration.comments
    rows = run(
        connection,
        "internal/schema/comments_on_objects",
        kinds=[one.kind for one in ours],
        names=[one.name for one in ours],
    )
    found = {DatabaseObject(row.kind, row.name): row.comment for row in rows}
    return [one for one, comment in found.items() if comment != ours[one]]
