"""What a migration creates: the list that stands beside its file, `sql/migrations/<name>.toml`.

A list names each object by its kind, with the slots of the file in it:

    views = ["public.hot_leads"]
    triggers = ["calculate_customer_lead_score on /* slot customers */ public.customers"]

    [each_order_table]
    indexes = ["/* slot order_index */ public.idx_orders on /* slot order_table */ public.orders"]

`opt_in = true` says that `apply` leaves the migration out unless it is asked for.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import BaseModel, ConfigDict

from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import render_names, render_order_names
from rfm.db.sql import read_toml

KINDS: Final = {
    "tables": "table",
    "sequences": "sequence",
    "columns": "column",
    "views": "view",
    "materialized_views": "materialized view",
    "indexes": "index",
    "functions": "function",
    "procedures": "procedure",
    "triggers": "trigger",
}
"""The keys of a list, and what SQL calls an object of that kind."""


@dataclass(frozen=True, slots=True, order=True)
class DatabaseObject:
    """One thing in the catalogue: its kind (`view`) and its name (`public.hot_leads`).

    table: the table of an index or a trigger; empty for other kinds.
    """

    kind: str
    name: str
    table: str = ""

    def __str__(self) -> str:
        """Return the object as `comment on` takes it, but an index with its table."""
        return f"{self.kind} {self.name}{' on ' * bool(self.table)}{self.table}"


class _Objects(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    materialized_views: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


class Contents(_Objects):
    """The list of one migration, before a mapping fills its slots."""

    opt_in: bool = False
    each_order_table: _Objects = _Objects()
    with_deals: _Objects = _Objects()
    with_mapping: _Objects = _Objects()


def read_contents(migration: str) -> Contents:
    """Read the list of a migration. Raises pydantic's `ValidationError` for an unknown key."""
    return Contents.model_validate(tomllib.loads(read_toml(f"migrations/{migration}")))


def objects_of(contents: Contents, mapping: Mapping | None) -> tuple[DatabaseObject, ...]:
    """Return what a migration creates in the mapped schema."""
    names = partial(render_names, mapping=mapping)
    order_names = partial(render_order_names, mapping=mapping)
    parts = [(contents, names), (contents.each_order_table, order_names)]
    if mapping is None or mapping.deals:
        parts.append((contents.with_deals, names))
    if mapping is not None:
        parts.append((contents.with_mapping, names))
    return tuple(one for listed, fill in parts for one in _listed(listed, fill))


def _listed(
    listed: _Objects, fill: Callable[[Iterable[str]], list[str]]
) -> Iterator[DatabaseObject]:
    for key, kind in KINDS.items():
        # before the slots are filled: a table may be called "on"
        parts = [name.partition(" on ") for name in getattr(listed, key)]
        names, tables = fill([name for name, _, _ in parts]), fill([on for _, _, on in parts])
        for name, table in zip(names, tables, strict=True):
            yield DatabaseObject(kind, name, table)
