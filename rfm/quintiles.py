"""From a summary to the model whose thresholds split its customers into fifths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from rfm._check.frames import check_summary, finite, many, refuse
from rfm.errors import EmptyFit
from rfm.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator


def fit(summary: pl.DataFrame | pl.LazyFrame) -> Model:
    """Find the quintile model of a summary.

    summary: one row per customer with `recency_days`, `frequency` (integers, or floats that hold
        whole numbers) and `monetary` (integer, Decimal or float), as `rfm.summarize_orders`
        returns it. Of a LazyFrame these three columns are collected, on the streaming engine; a
        DataFrame's `customer_id`, if it has one, may hold neither nulls nor repetitions.

    Only the n customers of at least one counted order are looked at. With their values sorted from
    worst to best, P_k is the one at position ceil(k * n / 5), for k from 1 to 4: PostgreSQL's
    percentile_disc(k / 5.0). The threshold for score k + 1 is the smallest value better than P_k;
    where there is none, the list ends. So equal customers score the same, and the order of the
    rows never matters. A null (in `monetary` also NaN and the infinities) ranks as the worst
    value, and never becomes a threshold. One found in floats is the number that the float prints
    as.

    Raises InvalidFrame for missing columns, wrong types, bad ids or recency_days below 0, and
    EmptyFit where no customer has a counted order.

    >>> summary = pl.DataFrame({
    ...     "recency_days": [200, 100, 50, 20, 10],
    ...     "frequency": [1, 1, 1, 2, 9],
    ...     "monetary": [5, 10, 20, 40, 80],
    ... })
    >>> model = fit(summary)
    >>> model.recency, model.frequency
    ((100, 50, 20, 10), (2, 2, 2, 9))
    """
    check_summary(summary)
    return quintiles(summary)


def quintiles(summary: pl.DataFrame | pl.LazyFrame) -> Model:
    """Do what `fit` does, for a summary that has been checked."""
    schema = summary.collect_schema()
    counted = (
        summary.lazy()
        .select(finite(name, schema) for name in ("recency_days", "frequency", "monetary"))
        .filter(pl.col("frequency") >= 1)
        .collect(engine="streaming")
    )
    refuse_unfit(customers=counted.height, early=counted.filter(pl.col("recency_days") < 0).height)
    return Model(
        _thresholds(counted["recency_days"], less_is_better=True),
        _thresholds(counted["frequency"]),
        _thresholds(counted["monetary"]),
    )


def refuse_unfit(*, customers: int, early: int) -> None:
    """Raise unless there are customers with a counted order, and none of them ordered early."""
    if not customers:
        raise EmptyFit(
            "0 customers have a counted order (frequency of 1 or more), so there are no quintiles "
            "to find; summarize more orders, or score with a fixed `model` such as rfm.PUBLISHED"
        )
    if early:
        refuse(
            f"{many(early, 'row')} of summary with recency_days below 0; "
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
