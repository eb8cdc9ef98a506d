"""`rfm segments`: the segment maps of a database, and the customers of each segment."""

from pathlib import Path
from typing import Annotated

import sqlalchemy
import typer

import rfm
from rfm import db
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.output import day, print_json, print_line, print_pairs, print_table
from rfm.errors import FoundDifference

MapNumber = Annotated[
    int | None, typer.Argument(help="Number of the segment map. Default: the active one.")
]
NumberOrFile = Annotated[
    str, typer.Argument(help="Number of a stored segment map, or a segments.json to store.")
]


def list_maps(
    dsn: options.Dsn = None, mapping: options.MappingFile = None, as_json: options.Json = False
) -> None:
    """List all segment maps and show which one is active."""
    stored = db.segment_maps(options.open_database(dsn, mapping))
    rows = [
        (one.number, len(one.segment_map.keys), day(one.created_at), day(one.activated_at))
        for one in stored
    ]
    columns = ("map", "segments", "stored", "active since")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("Segment maps", columns, rows)


def show(
    number: MapNumber = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Show the segments of a map: name, scores, meaning, and how many customers each has.

    Customers are counted for the active map.
    """
    engine = options.open_database(dsn, mapping)
    segment_map = _stored(engine, number)
    counted = dict.fromkeys(segment_map.keys, None) if number else _customers(engine)
    rows = [
        (one.key, one.name, ", ".join(one.triples), one.meaning, counted.get(one.key, 0))
        for one in segment_map.segments
    ]
    columns = ("key", "name", "scores", "meaning", "customers")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("Segments (scores: recency-frequency-monetary)", columns, rows)


def _customers(engine: sqlalchemy.Engine) -> dict[str, int]:
    counted = db.customer_segments(engine)["segment"].drop_nulls().value_counts()
    return dict(counted.rows())


def _stored(engine: sqlalchemy.Engine, number: int | None) -> rfm.SegmentMap:
    if number is None:
        return db.active_segment_map(engine)
    return db.stored_segment_map(engine, number)


def export(
    number: MapNumber = None, dsn: options.Dsn = None, mapping: options.MappingFile = None
) -> None:
    """Print a segment map as JSON, to edit it.

    rfm segments check, simulate and activate read this format.
    """
    print_line(_stored(options.open_database(dsn, mapping), number).to_json(indent=2))


def check(
    file: Annotated[Path, typer.Argument(help="A segments.json, as rfm segments export prints.")],
    model: Annotated[
        Path | None,
        typer.Option(help="A model.json. Fail if a segment is out of reach under this model."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check that a file is a segment map: each of the 125 triples of scores has one segment.

    Needs no database.
    """
    segment_map = options.read_segment_map(file)
    dead = segment_map.dead(options.read_model(model)) if model else ()
    if as_json:
        print_json({"segments": list(segment_map.keys), "dead": list(dead)})
    else:
        print_line(f"{file}: {count(len(segment_map.keys), 'segment')}, all 125 triples have one")
    if dead:
        found = count(len(dead), "segment is", "segments are")
        raise FoundDifference(f"{found} out of reach under {model}: {', '.join(dead)}")


def simulate(
    segment_map: Annotated[
        str | None,
        typer.Option("--map", help="Number of a stored segment map, or a segments.json to try."),
    ] = None,
    model: Annotated[int | None, typer.Option(help="Number of the model to try.")] = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Count the customers who would change segment with another map, another model, or both.

    Changes nothing.
    """
    engine = options.open_database(dsn, mapping)
    moved = db.simulate_segments(
        engine,
        model=None if model is None else db.stored_model(engine, model),
        segment_map=None if segment_map is None else _map(engine, segment_map),
    )
    if as_json:
        print_json(moved.to_dicts())
    else:
        print_pairs("Segments before (rows) and after (columns)", moved)


def _map(engine: sqlalchemy.Engine, number_or_file: str) -> rfm.SegmentMap:
    if number_or_file.isdecimal():
        return db.stored_segment_map(engine, int(number_or_file))
    return options.read_segment_map(Path(number_or_file))


def activate(
    segment_map: NumberOrFile,
    allow_dead_segments: options.AllowDeadSegments = False,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
) -> None:
    """Make a segment map the active one. A file is stored first.

    Every customer has the new segment at once; scores do not change.
    """
    engine = options.open_database(dsn, mapping)
    if segment_map.isdecimal():
        number = int(segment_map)
    else:
        number = db.store_segment_map(engine, options.read_segment_map(Path(segment_map)))
        print_line(f"stored as segment map {number}")
    db.activate_segment_map(engine, number, allow_dead_segments=allow_dead_segments)
    print_line(f"segment map {number} is active")
