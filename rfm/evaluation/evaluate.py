"""From orders to an evaluation: each instant scored with what was known then."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.doors import as_polars
from rfm._check.wording import count
from rfm.columns import OrderColumns
from rfm.errors import InvalidHorizon
from rfm.evaluation import tables
from rfm.evaluation.intervals import area, placements
from rfm.evaluation.result import Evaluation
from rfm.evaluation.scores_then import look_back, newest_instant
from rfm.instants import EPOCH, microseconds_since_epoch
from rfm.orders.lines import check_orders
from rfm.scoring import check_model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from rfm._check.doors import AnyFrame
    from rfm.columns import ColumnNames
    from rfm.evaluation.scores_then import Past
    from rfm.model import Model

_PREDICTORS: Final = {
    "lead_score": pl.col("lead_score"),
    # the newest order of -infinity, and no counted order, are the worst recency
    "recency": -pl.col("recency_days").fill_null(2**62),
    "frequency": pl.col("frequency"),
    "monetary": pl.col("monetary"),
    "equal_weights": pl.sum_horizontal("rfm_recency", "rfm_frequency", "rfm_monetary"),
}
_HORIZON: Final = re.compile(r"(\d+) ?(d|w)", re.ASCII)
_DAYS: Final = {"d": 1, "w": 7}


def evaluate(
    orders: AnyFrame,
    *,
    as_of: datetime | date | Iterable[datetime | date],
    horizon: timedelta | str,
    model: Model | None = None,
    **columns: Unpack[ColumnNames],
) -> Evaluation:
    """Score customers as of past instants, and compare the scores with what came afterwards.

    orders: as for `rfm.summarize_orders`, with the same keywords for other names of columns.
    as_of: one or several past instants: datetimes (UTC if naive) or dates (midnight UTC).
    horizon: how long after each instant an order is its outcome: a timedelta, or text such as
        "180d" or "26w". The outcome is a counted order in (as_of, as_of + horizon].
    model: scores every instant with this model; without one, quintiles are fitted on each instant's
        own customers.

    The customers of an instant are those with a row of orders at or before it. Later rows change
    neither scores nor thresholds. One thing cannot be undone: a status is what it is today, so an
    order that was refunded after the instant does not count at the instant either.

    The areas under the curve and the paired differences have DeLong's intervals (DeLong, DeLong and
    Clarke-Pearson 1988), rates have Wilson's (1927).

    Raises InvalidHorizon for a horizon that is not positive or that ends after the newest order,
    with the longest one that would do; InvalidAsOf; EmptyFit where no model is given and nobody had
    a counted order; and what `rfm.summarize_orders` raises.

    >>> orders = pl.DataFrame({
    ...     "customer_id": ["ada", "bob", "ada", "cy", "ada"],
    ...     "ordered_at": [date(2025, m, 1) for m in (1, 1, 5, 5, 9)],
    ...     "amount": [10, 20, 30, 40, 50],
    ... })
    >>> found = evaluate(orders, as_of=date(2025, 6, 1), horizon="92d")
    >>> found.outcomes.drop("as_of").rows()
    [(6, 1, 0, Decimal('0')), (10, 1, 0, Decimal('0')), (16, 1, 1, Decimal('50'))]
    """
    names = OrderColumns.named(**columns)
    check_model(model)
    frame = as_polars(orders, "orders")
    check_orders(frame, names)
    instants, length = _instants(as_of), _length(horizon)
    rows = frame.lazy()
    _check_horizon(newest_instant(rows, names), instants, length)
    pasts = [look_back(rows, names, instant, length, model) for instant in instants]
    customers = pl.concat([_predicted(past) for past in pasts], how="vertical_relaxed")
    return Evaluation(
        length,
        {past.as_of: past.model for past in pasts},
        tables.outcomes(customers),
        *_areas(customers),
    )


def _instants(as_of: datetime | date | Iterable[datetime | date]) -> list[datetime]:
    given = [as_of] if isinstance(as_of, date | str) else as_of
    numbers = sorted({microseconds_since_epoch(one) for one in given})
    return [EPOCH + timedelta(microseconds=number) for number in numbers]


def _length(horizon: timedelta | str) -> timedelta:
    if isinstance(horizon, str) and (found := _HORIZON.fullmatch(horizon.strip())):
        length = timedelta(days=int(found[1]) * _DAYS[found[2]])
    elif isinstance(horizon, timedelta):
        length = horizon
    else:
        raise InvalidHorizon(
            f"`horizon` is {horizon!r}; pass a timedelta, or text such as '180d' or '26w'"
        )
    if length <= timedelta(0):
        raise InvalidHorizon(f"`horizon` is {horizon!r}, and has to be longer than 0")
    return length


def _check_horizon(newest: datetime | None, instants: list[datetime], length: timedelta) -> None:
    if not instants:
        raise InvalidHorizon("0 instants; give one past day at least as `as_of`")
    if newest is None:
        raise InvalidHorizon("0 orders have a time, so nothing can be evaluated")
    uncovered = [instant for instant in instants if newest - instant < length]
    if uncovered:
        raise InvalidHorizon(
            f"{count(len(uncovered), 'instant')} with a `horizon` that ends after the newest order "
            f"({newest:%Y-%m-%d %H:%M} UTC), the first as of {uncovered[0]:%Y-%m-%d}; "
            f"{_what_would_do(newest, uncovered[-1], length)}"
        )


def _what_would_do(newest: datetime, latest: datetime, length: timedelta) -> str:
    days = (newest - latest).days
    earlier = f"an as_of up to {newest - length:%Y-%m-%d} would do"
    if days < 1:
        return earlier
    return f"a horizon of at most {count(days, 'day')} would do, or {earlier}"


def _predicted(past: Past) -> pl.DataFrame:
    """Return one row per customer: `as_of`, the outcome, and each predictor's placement."""
    bought = pl.col("bought")
    return past.customers.select(
        pl.lit(past.as_of, pl.Datetime("us", "UTC")).alias("as_of"),
        *("lead_score", "bought", "revenue"),
        *(
            placements(value, bought).alias(f"placement_{name}")
            for name, value in _PREDICTORS.items()
        ),
    )


def _areas(customers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    bought, score = pl.col("bought"), pl.col("placement_lead_score")
    own = {name: pl.col(f"placement_{name}") for name in _PREDICTORS}
    ahead = {name: score - own[name] for name in list(own)[1:]}
    auc = _table(customers, own, bought).with_columns(pl.col("low", "high").clip(0, 1))
    return auc, _table(customers, ahead, bought)


def _table(customers: pl.DataFrame, values: dict[str, pl.Expr], bought: pl.Expr) -> pl.DataFrame:
    predictor = pl.Enum(list(values))
    found = [
        customers.group_by("as_of")
        .agg(area(value, bought))
        .select("as_of", pl.lit(name, predictor).alias("predictor"), "auc", "low", "high")
        for name, value in values.items()
    ]
    rounded = tables.steady("auc", "low", "high")
    return pl.concat(found).with_columns(rounded).sort("as_of", "predictor")
