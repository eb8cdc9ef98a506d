"""The segment maps of a database: every one that was ever active, is, or may be."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Connection, Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.schema.required import SEGMENTS, require_migration
from rfm.db.sql import run
from rfm.errors import UnknownSegmentMap
from rfm.segments.grids import GRID, GRID_PUBLISHED
from rfm.segments.maps import Segment, SegmentMap, check_segment_map
from rfm.segments.patterns import TRIPLES, patterns_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rfm.model import Model

MAP_NUMBER: Final = "the number of a segment map, as rfm.db.store_segment_map returns it"

SHIPPED: Final = (1, 2)
"""The numbers of GRID_PUBLISHED and GRID, which every database has."""


@dataclass(frozen=True, slots=True)
class StoredSegmentMap:
    """A segment map as the database stores it.

    number: its id; 1 is `rfm.GRID_PUBLISHED`, 2 is `rfm.GRID`.
    activated_at: since when it is the active one; None: it is not.
    """

    number: int
    segment_map: SegmentMap
    created_at: datetime
    activated_at: datetime | None


def segment_maps(database: Engine | str) -> list[StoredSegmentMap]:
    """Return all segment maps in the order of their numbers; one of them is active.

    >>> from rfm.testing import example_engine
    >>> [(one.number, one.activated_at is not None) for one in segment_maps(example_engine())]
    [(1, True), (2, False)]
    """
    with engine_of(database).connect() as connection:
        require_migration(connection, SEGMENTS)
        return read_segment_maps(connection)


def stored_segment_map(database: Engine | str, number: int) -> SegmentMap:
    """Return the segment map with a number, or raise `UnknownSegmentMap`.

    >>> from rfm import GRID
    >>> from rfm.testing import example_engine
    >>> stored_segment_map(example_engine(), 2) == GRID
    True
    """
    check_type(number, int, MAP_NUMBER)
    return map_with_number(segment_maps(database), number)


def active_segment_map(database: Engine | str) -> SegmentMap:
    """Return the segment map that `customer_segments` reads.

    >>> from rfm import GRID_PUBLISHED
    >>> from rfm.testing import example_engine
    >>> active_segment_map(example_engine()) == GRID_PUBLISHED
    True
    """
    return active_of(segment_maps(database)).segment_map


def store_segment_map(database: Engine | str, segment_map: SegmentMap) -> int:
    """Store a segment map without making it the active one, and return its number.

    Raises `InvalidSegmentMap` for what is not an `rfm.SegmentMap`.

    >>> from rfm import Segment
    >>> from rfm.testing import example_engine, temporary_database
    >>> everybody = SegmentMap([Segment("buyer", "Buyers", "They have an order.", ["*-*-*"])])
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     store_segment_map(engine, everybody)
    3
    """
    check_segment_map(segment_map)
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.begin() as connection:
        require_migration(connection, SEGMENTS)
        [(number,)] = run(
            connection,
            "internal/segments/insert_map",
            keys=list(segment_map.keys),
            names=list(segment_map.names.values()),
            meanings=list(segment_map.meanings.values()),
            cells=[segment_map.by_triple[triple] for triple in TRIPLES],
        )
    return cast("int", number)


def read_segment_maps(connection: Connection) -> list[StoredSegmentMap]:
    """Return all segment maps, inside the caller's transaction."""
    return [
        StoredSegmentMap(row.number, _segment_map(row), row.created_at, row.activated_at)
        for row in run(connection, "internal/segments/all_maps")
    ]


def _segment_map(row: Any) -> SegmentMap:  # noqa: ANN401 - a row of internal/segments/all_maps
    cells = list(zip(TRIPLES, row.cells, strict=True))
    return SegmentMap(
        Segment(key, name, meaning, patterns_of([triple for triple, one in cells if one == key]))
        for key, name, meaning in zip(row.keys, row.names, row.meanings, strict=True)
    )


def map_with_number(stored: "Iterable[StoredSegmentMap]", number: int) -> SegmentMap:
    """Return the map with a number, or raise `UnknownSegmentMap`."""
    found = {one.number: one.segment_map for one in stored}
    if number not in found:
        numbers = ", ".join(map(str, found))
        raise UnknownSegmentMap(f"there is no segment map {number}; there are {numbers}")
    return found[number]


def active_of(stored: "Iterable[StoredSegmentMap]") -> StoredSegmentMap:
    """Return the active one of all segment maps."""
    for one in stored:
        if one.activated_at:
            return one
    raise UnknownSegmentMap("no segment map is active, or the role may not see it")


def map_for_model(active: StoredSegmentMap, model: "Model") -> SegmentMap:
    """Return the map that is active once a model is: `follow_lead_score_model()` in Python.

    >>> from rfm import PUBLISHED
    >>> from datetime import UTC
    >>> active = StoredSegmentMap(2, GRID, datetime(2026, 11, 1, tzinfo=UTC), None)
    >>> map_for_model(active, PUBLISHED) == GRID_PUBLISHED
    True
    """
    if active.number not in SHIPPED:
        return active.segment_map
    first_order_earns_two = bool(model.frequency) and model.frequency[0] <= 1
    return GRID_PUBLISHED if first_order_earns_two else GRID
