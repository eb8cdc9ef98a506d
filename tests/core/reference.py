"""The rules of docs and SQL once more, in plain Python: slow, obvious, and without Polars."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, isfinite
from typing import Any, NamedTuple

from rfm import Model


class Order(NamedTuple):
    customer_id: str
    ordered_at: datetime | None
    amount: Decimal | None
    status: str | None = None


class Summary(NamedTuple):
    recency_days: int | None
    frequency: int | None
    monetary: Decimal | float | None


def summarize(orders: list[Order], as_of: datetime) -> dict[str, Summary]:
    return {
        name: _summarize([order for order in orders if order.customer_id == name], as_of)
        for name in {order.customer_id for order in orders}
    }


def _summarize(orders: list[Order], as_of: datetime) -> Summary:
    counted = [
        (ordered_at, amount or Decimal(0))
        for _, ordered_at, amount, status in orders
        if ordered_at is not None and ordered_at <= as_of
        if (status or "").lower() not in {"cancelled", "canceled", "refunded", "failed", "void"}
    ]
    if not counted:
        return Summary(None, 0, Decimal(0))
    newest = max(ordered_at for ordered_at, _ in counted)
    days = (as_of - newest) // timedelta(days=1)
    return Summary(days, len(counted), sum((amount for _, amount in counted), Decimal(0)))


def score(customer: Summary, model: Model) -> tuple[int, int, int, int]:
    days, orders, spend = customer
    if not orders:
        return (1, 1, 1, sum(model.weights))
    r = 1 + sum(days is not None and days <= most for most in model.recency)
    f = 1 + sum(orders >= least for least in model.frequency)
    m = 1
    if spend is not None and isfinite(spend) and spend >= 0:
        kind = float if isinstance(spend, float) else Fraction  # Fractions compare exactly
        m += sum(kind(spend) >= kind(least) for least in model.monetary)
    weigh_r, weigh_f, weigh_m = model.weights
    return (r, f, m, weigh_r * r + weigh_f * f + weigh_m * m)


def fit(customers: list[Summary]) -> Model:
    counted = [customer for customer in customers if customer.frequency]
    spends = [c.monetary for c in counted if c.monetary is not None and isfinite(c.monetary)]
    days = [c.recency_days for c in counted if c.recency_days is not None]
    best_is_least = _thresholds([-day for day in days], len(counted))
    return Model(
        [-day for day in best_is_least],
        _thresholds([c.frequency for c in counted], len(counted)),
        _thresholds(spends, len(counted)),
    )


def _thresholds(values: list[Any], n: int) -> list[Any]:
    """The values are the more the better; the n - len(values) unknown ones are worse than all."""
    ranked = [None] * (n - len(values)) + sorted(values)
    thresholds = []
    for k in (1, 2, 3, 4):
        p = ranked[ceil(Fraction(k * n, 5)) - 1]
        better = [value for value in values if p is None or value > p]
        if better:
            thresholds.append(min(better))
    return thresholds
