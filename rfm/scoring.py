"""From a summary and a model to scores."""

from __future__ import annotations

import math
import operator
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rfm._check.frames import Frame, check_summary, finite
from rfm.errors import InvalidModel
from rfm.model import Model
from rfm.quintiles import quintiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WIDEST: Final = 2**127 - 1  # the largest number that a column can be compared with
_UP: Final = Context(prec=100, rounding=ROUND_CEILING)  # more digits than any column has


def score_frame(summary: Frame, model: Model | None = None) -> Frame:
    """Score the customers of a summary.

    summary: one row per customer with `recency_days`, `frequency` (integers of any width, or
        floats that hold whole numbers) and `monetary` (integer, Decimal or float); `customer_id`
        is optional.
    model: the thresholds and weights; without one, quintiles are fitted on the frame itself.

    Returns all columns in their order, then `rfm_recency` and `rfm_frequency` (Int32),
    `rfm_monetary` (Decimal(3, 2)) and `lead_score` (Int32). Of a frame that was scored before,
    these four are replaced where they stand. A score is 1 plus the number of thresholds met, as
    PostgreSQL's width_bucket counts them. It is 1 for a customer without a counted order
    (frequency 0 or null), for a null recency, and for spend that is negative, null, NaN or
    infinite, whatever the thresholds. `lead_score` is the weighted sum of the three, 3R + 2F + 1M
    unless the model weighs otherwise. Integers and Decimals are compared exactly, floats with the
    float nearest to the threshold.

    A LazyFrame comes back as a LazyFrame that streams; nothing is collected, but for a missing
    model: `fit` then collects three columns at once.

    Raises InvalidFrame, at once, for missing columns or wrong types, and in a DataFrame also for
    null or repeated values of `customer_id`; a LazyFrame's ids are not looked at. Raises
    InvalidModel for a model that is no `rfm.Model`, and EmptyFit
    where there is no model and nobody with a counted order to fit one on.

    >>> from rfm import PUBLISHED
    >>> summary = pl.DataFrame({"recency_days": [12, 99], "frequency": [3, 1], "monetary": [99, 5]})
    >>> score_frame(summary, PUBLISHED)["lead_score"].to_list()
    [23, 11]
    """
    check_model(model)
    schema = check_summary(summary)
    scores = _scores(quintiles(summary) if model is None else model, schema)
    if isinstance(summary, pl.LazyFrame):
        return summary.with_columns(scores)
    # the streaming engine keeps a batch's many short steps in the cache
    scored = summary.lazy().select(scores).collect(engine="streaming")
    return summary.with_columns(scored.get_columns())


def check_model(model: object) -> None:
    """Raise InvalidModel unless the model is one, or None."""
    if not isinstance(model, Model | None):
        found = type(model).__name__
        raise InvalidModel(f"model is a {found}, not an rfm.Model; make one by rfm.Model.from_json")


def _scores(model: Model, schema: pl.Schema) -> list[pl.Expr]:
    days, orders = finite("recency_days", schema), finite("frequency", schema)
    counted = orders >= 1
    spend, at_least = _comparable(model.monetary, schema)
    recency = _score(counted, days, operator.le, [min(most, _WIDEST) for most in model.recency])
    frequency = _score(counted, orders, operator.ge, _units(model.frequency))
    monetary = _score(counted, spend, operator.ge, at_least)
    r, f, m = model.weights
    return [
        recency.cast(pl.Int32).alias("rfm_recency"),
        frequency.cast(pl.Int32).alias("rfm_frequency"),
        monetary.cast(pl.Decimal(3, 2)).alias("rfm_monetary"),
        (r * recency + f * frequency + m * monetary).cast(pl.Int32).alias("lead_score"),
    ]


def _score(
    scored: pl.Expr,
    value: pl.Expr,
    meets: Callable[[pl.Expr, Any], pl.Expr],
    thresholds: Iterable[float],
) -> pl.Expr:
    score = one = pl.lit(1, pl.UInt8)  # one byte a row until the very end
    for points, threshold in enumerate(thresholds, start=2):
        # the best score is asked for first, and a null meets nothing
        score = pl.when(meets(value, threshold)).then(pl.lit(points, pl.UInt8)).otherwise(score)
    return pl.when(scored).then(score).otherwise(one)


def _comparable(
    thresholds: Iterable[Decimal], schema: pl.Schema
) -> tuple[pl.Expr, Iterable[float]]:
    """Return spend and thresholds as numbers of one kind.

    Thresholds below 0 become 0, for a negative number meets none.
    """
    spend, dtype = finite("monetary", schema), schema["monetary"]
    if dtype.is_float():
        return spend, [max(float(least), 0.0) for least in thresholds]
    scale = dtype.scale if isinstance(dtype, pl.Decimal) else 0
    return spend.to_physical(), _units(thresholds, scale)


def _units(thresholds: Iterable[int | Decimal], scale: int = 0) -> list[int]:
    """Return the thresholds in whole units of 10**-scale, rounded up, less those out of reach.

    Rounding up is exact: no value of that scale lies between a threshold and the next unit.
    Thresholds below 0 become 0, for a negative number meets none.
    """
    reachable = [Decimal(max(least, 0)) for least in thresholds if least <= _WIDEST]
    units = [math.ceil(least.scaleb(scale, _UP)) for least in reachable]
    return [least for least in units if least <= _WIDEST]
