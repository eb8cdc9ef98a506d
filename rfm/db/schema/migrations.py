"""The migrations that ship with rfm: their text, their checksums, the objects they create."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import plain, render
from rfm.db.sql import read_sql, sql_names

# `apply` leaves these out until somebody asks for them
_OPT_IN: Final = frozenset({"20250115000006_create_lead_score_history"})

# of words and of quoted names, as a mapping puts them in
_NAME = r"""(?:[^\s"]|"(?:[^"]|"")*")+"""

# `comment on` stands behind every object that a migration creates, so the file itself is the list.
_OBJECT = re.compile(
    r"^comment on "
    r"(?P<kind>materialized view|table|column|view|index|function|procedure|trigger) "
    rf"(?P<name>{_NAME}(?: on {_NAME})?) is",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, order=True)
class DatabaseObject:
    """One thing in the catalogue: its kind (`view`) and its name (`public.hot_leads`)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


# Data of somebody else's could stand in these, so they are ours only if the comment says so.
_COMMENT = re.compile(
    rf"^comment on (?P<kind>table|column) (?P<name>{_NAME}) is\s+'(?P<comment>(?:[^']|'')*)';",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `sql/migrations/` and its twin in `sql/rollback/`."""

    name: str
    script: str
    rollback_script: str

    @property
    def opt_in(self) -> bool:
        """True if `apply` leaves it out until it is enabled by a command of its own."""
        return self.name in _OPT_IN

    @property
    def checksum(self) -> str:
        """SHA-256 of the script, as hexadecimal text."""
        return hashlib.sha256(self.script.encode()).hexdigest()

    @property
    def objects(self) -> tuple[DatabaseObject, ...]:
        """What the script creates, in its own order."""
        return tuple(
            DatabaseObject(m["kind"], m["name"]) for m in _OBJECT.finditer(plain(self.script))
        )

    @property
    def comments(self) -> dict[DatabaseObject, str]:
        """The comments that the script gives to its tables and columns."""
        return {
            DatabaseObject(m["kind"], m["name"]): m["comment"].replace("''", "'")
            for m in _COMMENT.finditer(plain(self.script))
        }


@cache
def migrations(mapping: Mapping | None = None) -> tuple[Migration, ...]:
    """Every shipped migration, in the order in which they apply, for the mapped schema if any.

    >>> [migration.name for migration in migrations()][0]
    '20250115000000_create_customer_activity_timeline'
    """
    return tuple(
        Migration(
            name,
            render(read_sql(f"migrations/{name}"), mapping),
            render(read_sql(f"rollback/{name}"), mapping),
        )
        for name in sql_names("migrations")
    )
