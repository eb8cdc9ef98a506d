"""From a summary and a model to scores."""

from __future__ import annotations

import math
import operator
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING, Any, Final, overload

import polars as pl

from rfm._check.doors import as_polars
from rfm._check.frames import check_summary, finite_or_null
from rfm.errors import InvalidModel
from rfm.model import Model
from rfm.quintiles import quintiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rfm._check.doors import AnyFrame, ArrowStream

_INT128_MAX: Final = 2**127 - 1  # the largest number that a column can be compared with
_ROUND_UP: Final = Context(prec=100, rounding=ROUND_CEILING)  # more digits than any column has


@overload
def score_frame(summary: pl.LazyFrame, model: Model | None = None) -> pl.LazyFrame: ...
@overload
def score_frame(summary: ArrowStream, model: Model | None = None) -> pl.DataFrame: ...
@overload
def score_frame(summary: AnyFrame, model: Model | None = None) -> pl.DataFrame | pl.LazyFrame: ...
def score_frame(summary: AnyFrame, model: Model | None = None) -> pl.DataFrame | pl.LazyFrame:
    """Score the customers of a summary.

    summary: one row per customer with `recency_days`, `frequency` (integers of any width, or
        floats that hold whole numbers) and `monetary` (integer, Decimal or float). `customer_id`
        is optional. Another library's frame that has `__arrow_c_stream__` is accepted, too.
    model: the thresholds and weights; without a model, quintiles are fitted on the summary itself.

    Returns all columns in their order, then `rfm_recency` and `rfm_frequency` (Int32),
    `rfm_monetary` (Decimal(3, 2)) and `lead_score` (Int32). If the summary has these four already,
    they are replaced where they stand.

    A score is 1 plus the number of thresholds met, as PostgreSQL's width_bucket counts them. All
    three are 1 for a customer without a counted order (frequency 0 or null); recency is 1 if it is
    null, monetary if it is negative, null, NaN or infinite, whatever the thresholds. `lead_score`
    is the weighted sum of the three: 3R + 2F + 1M, unless the model has other weights. Integers
    and Decimals are compared exactly, floats with the float nearest to the threshold.

    A LazyFrame gives a LazyFrame that streams. Nothing is collected, except that without a model
    `fit` collects three columns at once.

    Raises InvalidFrame for missing columns or wrong types, and in a DataFrame also for null or
    repeated values of `customer_id`; the ids of a LazyFrame are not checked. Raises InvalidModel
    if the model is not an `rfm.Model`, and EmptyFit if there is neither a model nor a customer
    with a counted order.

    >>> from rfm import PUBLISHED
    >>> summary = pl.DataFrame({"recency_days": [12, 99], "frequency": [3, 1], "monetary": [99, 5]})
    >>> score_frame(summary, PUBLISHED)["lead_score"].to_list()
    [23, 11]
    """
    check_model(model)
    frame = as_polars(summary, "summary")
    schema = check_summary(frame)
    scores = _scores(quintiles(frame) if model is None else model, schema)
    if isinstance(frame, pl.LazyFrame):
        return frame.with_columns(scores)
    # The streaming engine takes small batches, which stay in the processor's cache.
    scored = frame.lazy().select(scores).collect(engine="streaming")
    return frame.with_columns(scored.get_columns())


def check_model(model: object) -> None:
    """Raise InvalidModel unless the model is an `rfm.Model` or None."""
    if not isinstance(model, Model | None):
        found = type(model).__name__
        raise InvalidModel(f"model is a {found}, not an rfm.Model; make one with rfm.Model(...)")


def _scores(model: Model, schema: pl.Schema) -> list[pl.Expr]:
    recency, frequency, monetary = three_scores(model, schema)
    r, f, m = model.weights
    return [
        recency.cast(pl.Int32).alias("rfm_recency"),
        frequency.cast(pl.Int32).alias("rfm_frequency"),
        monetary.cast(pl.Decimal(3, 2)).alias("rfm_monetary"),
        (r * recency + f * frequency + m * monetary).cast(pl.Int32).alias("lead_score"),
    ]


def three_scores(
    model: Model, schema: pl.Schema, more_orders: int = 0
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return the scores of recency, frequency and monetary as expressions on a summary, UInt8.

    more_orders: score as if each customer had so many more counted orders, of no amount.
    """
    days, orders = finite_or_null("recency_days", schema), finite_or_null("frequency", schema)
    orders = orders.fill_null(0) + more_orders if more_orders else orders
    counted = orders >= 1
    spend, at_least = _comparable(model.monetary, schema)
    return (
        _score(counted, days, operator.le, [min(most, _INT128_MAX) for most in model.recency]),
        _score(counted, orders, operator.ge, _units(model.frequency)),
        _score(counted, spend, operator.ge, at_least),
    )


def _score(
    scored: pl.Expr,
    value: pl.Expr,
    meets: Callable[[pl.Expr, Any], pl.Expr],
    thresholds: Iterable[float],
) -> pl.Expr:
    score = one = pl.lit(1, pl.UInt8)  # one byte a row saves time until the final cast
    for points, threshold in enumerate(thresholds, start=2):
        # The best score is checked first. A null meets no threshold.
        score = pl.when(meets(value, threshold)).then(pl.lit(points, pl.UInt8)).otherwise(score)
    return pl.when(scored).then(score).otherwise(one)


def _comparable(
    thresholds: Iterable[Decimal], schema: pl.Schema
) -> tuple[pl.Expr, Iterable[float]]:
    """Return spend and thresholds as numbers of one kind.

    Thresholds below 0 become 0, so that negative spend meets none.
    """
    spend, dtype = finite_or_null("monetary", schema), schema["monetary"]
    if dtype.is_float():
        return spend, [max(float(least), 0.0) for least in thresholds]
    scale = dtype.scale if isinstance(dtype, pl.Decimal) else 0
    return spend.to_physical(), _units(thresholds, scale)


def _units(thresholds: Iterable[int | Decimal], scale: int = 0) -> list[int]:
    """Return the thresholds in whole units of 10**-scale, without those that no value reaches.

    They are rounded up, which changes no score: no value of that scale lies between a threshold
    and the next unit. Thresholds below 0 become 0, so that a negative number meets none.
    """
    reachable = [Decimal(max(least, 0)) for least in thresholds if least <= _INT128_MAX]
    units = [math.ceil(least.scaleb(scale, _ROUND_UP)) for least in reachable]
    return [least for least in units if least <= _INT128_MAX]
