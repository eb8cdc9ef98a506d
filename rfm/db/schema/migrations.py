"""The migrations that ship with rfm: their text, their checksums, the objects they create."""

import hashlib
from dataclasses import dataclass
from functools import cache

from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import render, render_blocks
from rfm.db.schema.contents import DatabaseObject, objects_of, read_contents
from rfm.db.sql import read_sql, sql_names


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `sql/migrations/`, its list of objects, its twin in `sql/rollback/`.

    objects: what the script creates.
    opt_in: `apply` leaves it out unless it is asked for.
    concurrent_indexes: statements of the script that `apply` runs before it, concurrently.
    before_indexes: the part of the script that these need.
    """

    name: str
    script: str
    rollback_script: str
    objects: tuple[DatabaseObject, ...] = ()
    opt_in: bool = False
    concurrent_indexes: tuple[str, ...] = ()
    before_indexes: str = ""

    @property
    def checksum(self) -> str:
        """SHA-256 of the script, as hexadecimal text."""
        return hashlib.sha256(self.script.encode()).hexdigest()


@cache
def migrations(mapping: Mapping | None = None) -> tuple[Migration, ...]:
    """Every shipped migration, in the order in which they apply, for the mapped schema if any.

    >>> [migration.name for migration in migrations()][0]
    '20250115000000_create_customer_activity_timeline'
    """
    return tuple(_migration(name, mapping) for name in sql_names("migrations"))


def _migration(name: str, mapping: Mapping | None) -> Migration:
    script, contents = read_sql(f"migrations/{name}"), read_contents(name)
    return Migration(
        name=name,
        script=render(script, mapping),
        rollback_script=render(read_sql(f"rollback/{name}"), mapping),
        objects=objects_of(contents, mapping),
        opt_in=contents.opt_in,
        concurrent_indexes=tuple(render_blocks(script, "concurrent_index", mapping)),
        before_indexes="".join(render_blocks(script, "before_indexes", mapping)),
    )
