"""From a summary to the model whose thresholds split its customers into fifths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rfm._check.doors import as_polars
from rfm._check.frames import check_summary, finite_or_null
from rfm._check.kinds import raise_problems
from rfm._check.wording import count
from rfm.errors import EmptyFit, TooFewCustomers
from rfm.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rfm._check.doors import AnyFrame

FEWEST_CUSTOMERS: Final = 500
"""Customers with an order below which quintiles say little: as many as Klaviyo asks for."""


def fit(summary: AnyFrame, *, min_customers: int = 1) -> Model:
    """Find the quintile model of a summary.

    summary: one row per customer with `recency_days`, `frequency` (integers, or floats that hold
        whole numbers) and `monetary` (integer, Decimal or float), as `rfm.summarize_orders`
        returns it. A LazyFrame's three columns are collected, on the streaming engine. The
        `customer_id` of a DataFrame, if there is one, may have neither nulls nor repetitions.
    min_customers: the least number of customers with a counted order.

    Only the n customers with a counted order are used. Sort their values from worst to best; P_k
    is the value at position ceil(k * n / 5), for k from 1 to 4, as PostgreSQL's
    percentile_disc(k / 5.0) finds it. The threshold for score k + 1 is the smallest value better
    than P_k; if there is none, the list ends. So equal customers have equal scores, and the order
    of the rows does not matter. A null (in `monetary` also NaN and the infinities) is the worst
    value, and never becomes a threshold. A float threshold becomes the decimal number that the
    float prints as.

    Raises InvalidFrame for missing columns, wrong types, bad ids or recency_days below 0; EmptyFit
    if no customer has a counted order; and TooFewCustomers if fewer than `min_customers` have one.

    >>> summary = pl.DataFrame({
    ...     "recency_days": [200, 100, 50, 20, 10],
    ...     "frequency": [1, 1, 1, 2, 9],
    ...     "monetary": [5, 10, 20, 40, 80],
    ... })
    >>> model = fit(summary)
    >>> model.recency, model.frequency
    ((100, 50, 20, 10), (2, 2, 2, 9))
    >>> fit(summary, min_customers=500)
    Traceback (most recent call last):
    rfm.errors.TooFewCustomers: 5 customers have a counted order, and quintiles are fitted on 500 \
or more; pass a smaller `min_customers`, or keep the model that you have
    """
    frame = as_polars(summary, "summary")
    check_summary(frame)
    return quintiles(frame, min_customers=min_customers)


def quintiles(summary: pl.DataFrame | pl.LazyFrame, *, min_customers: int = 1) -> Model:
    """Find the quintile model of a summary that has been checked."""
    schema = summary.collect_schema()
    counted = (
        summary.lazy()
        .select(finite_or_null(name, schema) for name in ("recency_days", "frequency", "monetary"))
        .filter(pl.col("frequency") >= 1)
        .collect(engine="streaming")
    )
    before_orders = counted.filter(pl.col("recency_days") < 0).height
    check_fit(counted.height, before_orders=before_orders, min_customers=min_customers)
    return Model(
        _thresholds(counted["recency_days"], less_is_better=True),
        _thresholds(counted["frequency"]),
        _thresholds(counted["monetary"]),
    )


def check_fit(customers: int, *, before_orders: int, min_customers: int) -> None:
    """Raise if quintiles cannot be fitted.

    customers: how many have a counted order.
    before_orders: for how many of them `as_of` was before their newest order.
    """
    if not customers:
        raise EmptyFit(
            "0 customers have a counted order (frequency of 1 or more), so there are no quintiles; "
            "summarize more orders or take a later `as_of`, or use rfm.PUBLISHED"
        )
    if customers < min_customers:
        raise TooFewCustomers(
            f"{count(customers, 'customer has', 'customers have')} a counted order, and quintiles "
            f"are fitted on {min_customers:,} or more; "
            "pass a smaller `min_customers`, or keep the model that you have"
        )
    if before_orders:
        raise_problems(
            f"{count(before_orders, 'row')} of summary with recency_days below 0; "
            "summarize at an as_of that is not before the orders"
        )


def _thresholds(values: pl.Series, *, less_is_better: bool = False) -> Iterator[Any]:
    ranked = values.sort(descending=less_is_better)  # from worst to best; nulls come first
    ranks = ranked.rle_id()
    for k in range(1, 5):
        position = -(-k * len(ranked) // 5)  # ceil, in whole numbers
        better = ranks.search_sorted(ranks[position - 1], side="right")
        if better == len(ranked):
            return
        yield ranked[better]
