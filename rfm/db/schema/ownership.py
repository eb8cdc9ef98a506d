"""Which objects of the migrations are in a database, and which of them are somebody else's."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from rfm.db.schema.contents import DatabaseObject
from rfm.db.sql import run

MARK = "(rfm)"
"""What the comment of every object of rfm's ends in."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """What has the name of an object that a migration creates.

    kind: what it is, which may be another kind than that of the object.
    is_ours: it is rfm's, by its mark.
    is_complete: it is of the right kind and on the right table, and an index of it is valid.
    """

    wanted: DatabaseObject
    kind: str
    owner: str
    is_ours: bool
    is_complete: bool


def find_objects(connection: Connection, wanted: Iterable[DatabaseObject]) -> list[FoundObject]:
    """Return what is there of some objects, in their order."""
    objects = list(wanted)
    rows = run(
        connection,
        "internal/schema/found_objects",
        kinds=[one.kind for one in objects],
        names=[one.name for one in objects],
        tables=[one.table for one in objects],
    )
    return [
        FoundObject(objects[row.place - 1], row.found_kind, row.owner, row.is_ours, row.is_complete)
        for row in rows
    ]


def foreign_objects(connection: Connection, wanted: Iterable[DatabaseObject]) -> list[str]:
    """Return one sentence for each object that is there and is not rfm's: what, whose, what next.

    A column of a table that is somebody else's itself is not reported.
    """
    foreign = [one for one in find_objects(connection, wanted) if not one.is_ours]
    tables = {one.wanted.name for one in foreign if one.wanted.kind == "table"}
    return [
        _sentence(one)
        for one in foreign
        if not (one.wanted.kind == "column" and one.wanted.name.rpartition(".")[0] in tables)
    ]


def _sentence(one: FoundObject) -> str:
    name = str(one.wanted).removeprefix(one.wanted.kind).lstrip()
    return (
        f"{one.kind} {name} of role {one.owner} is not rfm's, which creates a {one.wanted.kind} of "
        f'that name; rename it, or, if it is rfm\'s, end its comment in "{MARK}"'
    )
