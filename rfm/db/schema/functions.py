"""Whether the functions of a database are the shipped ones: their text and their settings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import Connection

from rfm.db.mapping.definition import Mapping
from rfm.db.schema.migrations import migrations
from rfm.db.sql import run

_FUNCTION: Final = re.compile(
    r"^create or replace (?:function|procedure) (?P<name>[\w.]+)\((?P<head>.*?)\nas \$\$"
    r"(?P<body>.*?)\$\$;",
    re.MULTILINE | re.DOTALL,
)
_SETTING: Final = re.compile(r"^set (?P<name>\w+) = (?P<value>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Function:
    signature: str
    body: str
    is_definer: bool
    settings: dict[str, str]


def changed_functions(connection: Connection, mapping: Mapping | None) -> Iterator[str]:
    """Yield what differs between each function that is there and the shipped one.

    White space makes no difference: some tools write a file's blank lines anew. A function that is
    missing is not reported here.
    """
    shipped = {one.signature: one for one in _shipped(mapping)}
    for row in run(connection, "internal/schema/functions", signatures=list(shipped)):
        one = shipped[row.signature]
        if row.body.split() != one.body.split():
            yield f"{one.signature} has another text"
        if row.is_definer != one.is_definer:
            yield f"{one.signature} is {'not ' if one.is_definer else ''}security definer"
        pairs = (setting.split("=", 1) for setting in row.settings)
        found = {name.lower(): value for name, value in pairs}  # PostgreSQL writes TimeZone
        if not _as_shipped(one.settings, found):
            yield f"{one.signature} has other settings: {', '.join(row.settings) or 'none'}"


@cache
def _shipped(mapping: Mapping | None) -> tuple[_Function, ...]:
    return tuple(
        _Function(
            signatures[function["name"]],
            function["body"],
            "\nsecurity definer" in function["head"],
            {one["name"]: one["value"] for one in _SETTING.finditer(function["head"])},
        )
        for migration in migrations(mapping)
        for signatures in [
            {
                one.name.partition("(")[0]: one.name
                for one in migration.objects
                if one.kind in {"function", "procedure"}
            }
        ]
        for function in _FUNCTION.finditer(migration.script)
    )


def _as_shipped(shipped: dict[str, str], found: dict[str, str]) -> bool:
    if shipped.keys() != found.keys():
        return False
    return all(_is_value(value, found[name]) for name, value in shipped.items())


def _is_value(shipped: str, found: str) -> bool:
    if shipped.startswith("'"):
        return found == (shipped.strip("'") or '""')
    # a path that holds the database's own schemas: PostgreSQL's first, temporary objects last
    return found.startswith("pg_catalog, ") and found.endswith(", pg_temp")
