"""The options that several commands take, each declared once, and how their values are read."""

from collections.abc import Callable, Iterable
from datetime import datetime
from inspect import signature
from pathlib import Path
from typing import Annotated, Final

import sqlalchemy
import typer

import rfm
from rfm import db
from rfm.cli import output
from rfm.errors import InvalidArgument

Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        envvar="DATABASE_URL",
        show_envvar=True,
        help="Address of the database: postgresql://user:password@host/database",
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        envvar="RFM_MAPPING",
        show_envvar=True,
        help="File that maps your own tables and columns; the database remembers it. "
        "Default: ./rfm.toml, if it exists.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
WITH_SHORT_HELP: Final = {"help_option_names": ["--help", "-h"]}
"""The settings of every command."""
AllowDeadSegments = Annotated[
    bool,
    typer.Option(
        "--allow-dead-segments",
        help="Also if no customer can reach some of the segments then. Default: refuse.",
    ),
]

CustomerId = Annotated[str, typer.Option(help="Name of the column of customer ids.")]
OrderedAt = Annotated[str, typer.Option(help="Name of the column of order times.")]
Amount = Annotated[str, typer.Option(help="Name of the column of amounts.")]
Status = Annotated[str, typer.Option(help="Name of the column of statuses, if there is one.")]


def open_database(dsn: str | None, mapping: Path | None) -> sqlalchemy.Engine:
    """Return the engine for a command. A given mapping must be the one that the database has."""
    engine = db.connect(dsn)
    given = read_mapping(mapping)
    if given:
        db.check_mapping(engine, given)
    return engine


def read_mapping(path: Path | None) -> db.Mapping | None:
    """Read the given mapping, or else ./rfm.toml if it exists, and print which file it is."""
    here = Path("rfm.toml")
    chosen = path or (here if here.exists() else None)
    if chosen is None:
        return None
    output.print_message(f"mapping: {chosen}")
    return db.Mapping.read(chosen)


def read_model(model: str | Path) -> rfm.Model:
    """Read a model.json; `published` is the model with the published thresholds."""
    if model == "published":
        return rfm.PUBLISHED
    return rfm.Model.from_json(_read(Path(model), "model.json"))


def read_segment_map(path: Path) -> rfm.SegmentMap:
    """Read a segments.json."""
    return rfm.SegmentMap.from_json(_read(path, "segments.json"))


def _read(path: Path, kind: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path} is not a {kind}") from None


def read_instant(as_of: str) -> datetime:
    """Read the date or time of --as-of."""
    try:
        return datetime.fromisoformat(as_of)
    except ValueError:
        raise InvalidArgument(
            f"--as-of {as_of!r} is not a date or time; "
            "write 2026-11-01 or 2026-11-01T12:00:00+01:00"
        ) from None


def typed_options(command: Callable[..., None]) -> dict[str, str]:
    """Return for each argument of a command's function the option that it is typed as."""
    return {
        name: _spelling(name, getattr(parameter.annotation, "__metadata__", ()))
        for name, parameter in signature(command).parameters.items()
    }


def _spelling(name: str, metadata: Iterable[object]) -> str:
    # typer takes the first name of an option for its default, and knows better only later
    words = [
        word
        for one in metadata
        for word in (getattr(one, "default", None), *(getattr(one, "param_decls", None) or ()))
    ]
    written = [word for word in words if isinstance(word, str) and word.startswith("--")]
    return written[0] if written else f"--{name.replace('_', '-')}"
