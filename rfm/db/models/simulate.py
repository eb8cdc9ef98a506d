"""What another model would change, before anybody is scored with it."""

from collections import Counter
from types import NoneType

import polars as pl
from sqlalchemy import Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.models.stored import active_model
from rfm.db.reads.totals import clock, every_range
from rfm.model import Model
from rfm.scoring import score_frame
from rfm.segments.moves import Moves, count_moves, matrix
from rfm.stored import instant, numbers_at


def simulate(database: Engine | str, model: Model, against: Model | None = None) -> pl.DataFrame:
    """Score every customer with two models, and count who moves from which category to which.

    Both score the orders that count now. `against` is the active model unless given. Nothing is
    written. Returns one row for each category that `against` gives, hottest first: `before` (text),
    then a column of counts for each category that `model` gives.

    >>> from rfm.testing import example_engine
    >>> simulate(example_engine(), Model(recency=[], frequency=[])).rows()
    [('Hot', 2), ('Cold', 1)]
    """
    engine = engine_of(database)
    check_type(model, Model, "an rfm.Model")
    check_type(against, (Model, NoneType), "an rfm.Model as against, or nothing")
    known = against or active_model(engine)
    now = clock(engine)
    moves: Moves = Counter()
    with every_range(engine, now) as portions:
        for portion in portions:
            summary = portion.select(numbers_at(instant(now)))
            before, after = (score_frame(summary, one)["lead_score"] for one in (known, model))
            moves += count_moves(before, after)
    return matrix(moves)
