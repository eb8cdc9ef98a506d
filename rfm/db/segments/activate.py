"""Activating a model or a segment map, unless it leaves a segment out of reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine

from rfm._check.wording import count
from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.models.stored import MODEL_NUMBER, model_with_number, read_active_model, read_models
from rfm.db.schema.required import SCORING, SEGMENTS, require_migration
from rfm.db.segments.stored import (
    MAP_NUMBER,
    active_of,
    map_for_model,
    map_with_number,
    read_segment_maps,
)
from rfm.db.sql import run
from rfm.errors import DeadSegments

_REMEDY: Final = (
    "nothing was changed; activate a segment map that fits, or pass `allow_dead_segments`"
)


def activate(database: Engine | str, number: int, *, allow_dead_segments: bool = False) -> None:
    """Make a stored model the active one.

    allow_dead_segments: activate it although no customer could reach a segment of the active
        segment map any more.

    Customers keep their scores until they are next touched; `backfill` touches those whose scores
    change. If the active segment map is one of the two that come with rfm, the one that fits the
    model becomes active, too. Raises `UnknownModel` for a number that no model has, and
    `DeadSegments` for a segment that could be reached before, and no longer can.

    >>> from rfm import Model
    >>> from rfm.db import active_model, store_model
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     activate(engine, store_model(engine, Model(frequency=(1, 2, 4, 8))))
    ...     active_model(engine).frequency
    (1, 2, 4, 8)
    """
    check_type(number, int, MODEL_NUMBER)
    with _changing(database, SCORING) as connection:
        model = model_with_number(read_models(connection), number)
        [(has_segments,)] = run(connection, "internal/segments/installed")
        if has_segments and not allow_dead_segments:
            active = active_of(read_segment_maps(connection))
            dead_before = active.segment_map.dead(read_active_model(connection)[0])
            dead = map_for_model(active, model).dead(model)
            _refuse_dead(f"model {number}", dead, dead_before)
        run(connection, "internal/models/activate_model", number=number)


def activate_segment_map(
    database: Engine | str, number: int, *, allow_dead_segments: bool = False
) -> None:
    """Make a stored segment map the active one: `customer_segments` shows it at once.

    allow_dead_segments: activate it although no customer can reach one of its segments under the
        active model.

    Raises `UnknownSegmentMap` for a number that no map has, and `DeadSegments`.

    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     activate_segment_map(engine, 2)     # GRID, under the published thresholds
    Traceback (most recent call last):
    rfm.errors.DeadSegments: 2 segments are out of reach under segment map 2: new, promising; \
nothing was changed; activate a segment map that fits, or pass `allow_dead_segments`
    """
    check_type(number, int, MAP_NUMBER)
    with _changing(database, SEGMENTS) as connection:
        segment_map = map_with_number(read_segment_maps(connection), number)
        if not allow_dead_segments:
            dead = segment_map.dead(read_active_model(connection)[0])
            _refuse_dead(f"segment map {number}", dead)
        run(connection, "internal/segments/activate_map", number=number)


@contextmanager
def _changing(database: Engine | str, migration: str) -> Iterator[Connection]:
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.begin() as connection:
        require_migration(connection, migration)
        yield connection


def _refuse_dead(cause: str, dead: tuple[str, ...], dead_before: tuple[str, ...] = ()) -> None:
    new = [key for key in dead if key not in dead_before]
    if new:
        found = count(len(new), "segment is", "segments are")
        raise DeadSegments(f"{found} out of reach under {cause}: {', '.join(new)}; {_REMEDY}")
