"""Who would move from which segment to which, under another model, another map, or both."""

from collections import Counter
from types import NoneType

import polars as pl
from sqlalchemy import Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.models.stored import active_model
from rfm.db.reads.totals import clock, every_range
from rfm.db.segments.stored import active_of, map_for_model, segment_maps
from rfm.model import Model
from rfm.scoring import score_frame
from rfm.segments.maps import SegmentMap, check_segment_map
from rfm.segments.moves import Moves, count_pairs, matrix
from rfm.segments.names import segment
from rfm.stored import instant, numbers_at


def simulate_segments(
    database: Engine | str, *, model: Model | None = None, segment_map: SegmentMap | None = None
) -> pl.DataFrame:
    """Count who moves from which segment to which, if another model or map were active.

    model: without one, the active model.
    segment_map: without one, the map that would be active: the active map, or, if that is one of
        the two that come with rfm, the one that fits `model`.

    Every customer is scored twice, on the orders that count now. Nothing is written. Returns one
    row for each segment that a customer has now, in the order of the active map: `before` (the
    key), then a column of counts for each segment that a customer would have.

    >>> from rfm.testing import example_engine
    >>> simulate_segments(example_engine(), model=Model(frequency=[1, 1, 1, 1])).rows()
    [('champions', 1, 0), ('potential_loyalist', 1, 0), ('prospect', 0, 1)]
    """
    engine = engine_of(database)
    check_type(model, (Model, NoneType), "an rfm.Model as model, or nothing")
    if segment_map is not None:
        check_segment_map(segment_map)
    active, old_model = active_of(segment_maps(engine)), active_model(engine)
    new_model = model or old_model
    new_map = segment_map or (map_for_model(active, model) if model else active.segment_map)
    now = clock(engine)
    moves: Moves = Counter()
    with every_range(engine, now) as portions:
        for portion in portions:
            summary = portion.select(numbers_at(instant(now)))
            before = _segments(summary, old_model, active.segment_map)
            moves += count_pairs(before, _segments(summary, new_model, new_map))
    return matrix(moves, active.segment_map.keys, new_map.keys)


def _segments(summary: pl.DataFrame, model: Model, segment_map: SegmentMap) -> pl.Series:
    return score_frame(summary, model).select(segment(segment_map)).to_series()
