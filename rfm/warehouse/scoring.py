"""From a summary and a model to scores."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING, Final

import ibis
import ibis.expr.datatypes as dt

from rfm.instants import INT64_MAX
from rfm.scoring import check_model
from rfm.warehouse.kinds import check_summary
from rfm.warehouse.numbers import DECIMAL_DIGITS, comparable_spend, zero
from rfm.warehouse.quintiles import fit_checked
from rfm.warehouse.summary import summarize_orders

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from typing import Unpack

    import ibis.expr.types as ir

    from rfm.columns import ColumnNames
    from rfm.model import Model

_ROUND_UP: Final = Context(prec=100, rounding=ROUND_CEILING)


def score_orders(
    orders: ir.Table,
    *,
    as_of: datetime | date,
    model: Model | None = None,
    **columns: Unpack[ColumnNames],
) -> ir.Table:
    """Score the customers of a table of orders.

    The same as `summarize_orders` followed by `score_summary`, with their arguments, columns and
    errors. Without a model, quintiles are fitted; that reads the orders once more. If this costs
    too much, call the two functions, and keep the summary with `.cache()`.

    >>> from datetime import date
    >>> from rfm import PUBLISHED
    >>> from rfm.warehouse.example import example_orders
    >>> scores = score_orders(example_orders(), as_of=date(2025, 1, 31), model=PUBLISHED)
    >>> scores.columns[5:]
    ('rfm_recency', 'rfm_frequency', 'rfm_monetary', 'lead_score')
    """
    check_model(model)
    return score_checked(summarize_orders(orders, as_of=as_of, **columns), model)


def score_summary(summary: ir.Table, model: Model | None = None) -> ir.Table:
    """Score the customers of a summary, as `rfm.score_frame` does.

    summary: as for `fit`; the ids of customers are not checked.
    model: the thresholds and weights; without a model, `fit` runs its query at once.

    Returns an Ibis table, not computed yet: all columns in their order, then `rfm_recency` and
    `rfm_frequency` (int32), `rfm_monetary` (decimal(3, 2)) and `lead_score` (int32).

    Raises InvalidFrame for missing columns or wrong types; InvalidModel if the model is not an
    `rfm.Model`; and EmptyFit if there is neither a model nor a customer with a counted order.

    >>> from datetime import date
    >>> from rfm import PUBLISHED
    >>> from rfm.warehouse.example import example_orders
    >>> summary = summarize_orders(example_orders(), as_of=date(2025, 1, 31))
    >>> scores = score_summary(summary, PUBLISHED)
    >>> scores.order_by("customer_id").to_polars()["lead_score"].to_list()
    [21, 6]
    """
    check_model(model)
    check_summary(summary)
    return score_checked(summary, model)


def score_checked(summary: ir.Table, model: Model | None) -> ir.Table:
    """Score the customers of a summary that has been checked."""
    model = fit_checked(summary) if model is None else model
    counted = summary.frequency >= 1
    spend = comparable_spend(summary.monetary)
    points = summary.mutate(
        rfm_recency=_points(
            counted, (summary.recency_days <= most for most in _whole(model.recency, cap=True))
        ),
        rfm_frequency=_points(
            counted, (summary.frequency >= least for least in _whole(model.frequency))
        ),
        rfm_monetary=_points(
            counted & (spend >= zero(spend.type())),
            (spend >= least for least in _money(model.monetary, spend.type())),
        ),
    )
    r, f, m = points.rfm_recency, points.rfm_frequency, points.rfm_monetary
    weights = model.weights
    return points.mutate(
        rfm_recency=r.cast("int32"),
        rfm_frequency=f.cast("int32"),
        rfm_monetary=m.cast(dt.Decimal(3, 2)),
        lead_score=(weights[0] * r + weights[1] * f + weights[2] * m).cast("int32"),
    )


def _points(scored: ir.Value, meets: Iterable[ir.Value]) -> ir.Value:
    # The best score is checked first. A null meets no threshold.
    cases = [(scored & met, points) for points, met in enumerate(meets, start=2)]
    one = ibis.literal(1)
    return ibis.cases(*reversed(cases), else_=one) if cases else one


def _whole(thresholds: Iterable[int], *, cap: bool = False) -> list[int]:
    """Return the thresholds that fit an int64; with `cap`, larger ones become the largest int64."""
    if cap:
        return [min(most, INT64_MAX) for most in thresholds]
    return [least for least in thresholds if least <= INT64_MAX]


def _money(thresholds: Iterable[Decimal], dtype: dt.DataType) -> list[ir.Value]:
    """Return the thresholds as literals of the type, without those that no value reaches.

    They are written as text, which engines read exactly, and rounded up to the type's scale, which
    changes no score: no value lies between a threshold and the next unit.
    """
    if dtype.is_floating():
        floats = [float(least) for least in thresholds]
        return [ibis.literal(repr(x)).cast(dtype) for x in floats if not math.isinf(x)]
    scale = DECIMAL_DIGITS if dtype.scale is None else dtype.scale
    unit = Decimal(1).scaleb(-scale)
    ceiling = Decimal(10) ** ((dtype.precision or 2 * DECIMAL_DIGITS) - scale)
    reachable = [max(least, Decimal(0)) for least in thresholds if least < ceiling]
    rounded = [least.quantize(unit, context=_ROUND_UP) for least in reachable]
    return [ibis.literal(f"{least:f}").cast(dtype) for least in rounded if least < ceiling]
