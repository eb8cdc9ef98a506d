"""From a summary to the model whose thresholds split its customers into fifths."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import ibis

from rfm.model import Model
from rfm.quintiles import check_fit
from rfm.warehouse.kinds import check_summary
from rfm.warehouse.numbers import comparable_spend

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

_FIFTHS: Final = (1, 2, 3, 4)
_NUMBERS: Final = ("recency", "frequency", "monetary")


def fit(summary: ir.Table, *, min_customers: int = 1) -> Model:
    """Find the quintile model of a summary: exactly the one that `rfm.fit` finds.

    summary: one row per customer with `recency_days`, `frequency` (integers) and `monetary`
        (integer, decimal or float), as `summarize_orders` returns it.
    min_customers: the least number of customers with a counted order.

    Runs one query, which returns one row. Besides the summary it counts the customers per distinct
    value of each number: see `docs/explanation/scaling.md`.

    Raises InvalidFrame for missing columns, wrong types or recency_days below 0; EmptyFit if no
    customer has a counted order; and TooFewCustomers if fewer than `min_customers` have one.

    >>> from datetime import date
    >>> from rfm.warehouse import summarize_orders
    >>> from rfm.warehouse.example import example_orders
    >>> fit(summarize_orders(example_orders(), as_of=date(2025, 1, 31))).recency
    ()
    """
    check_summary(summary)
    return fit_checked(summary, min_customers=min_customers)


def fit_checked(summary: ir.Table, *, min_customers: int = 1) -> Model:
    """Find the quintile model of a summary that has been checked."""
    found = thresholds(histogram(summary)).to_pyarrow().to_pylist()[0]
    check_fit(
        found["customers"] or 0,
        before_orders=found["before_orders"] or 0,
        min_customers=min_customers,
    )

    def values(name: str, convert: Callable[[Any], Any]) -> list[Any]:
        columns = [found[f"{name}_{k}"] for k in _FIFTHS]
        return [convert(value) for value in columns if value is not None]

    money = float if summary.monetary.type().is_floating() else Decimal
    return Model(values("recency", int), values("frequency", int), values("monetary", money))


def histogram(summary: ir.Table) -> ir.Table:
    """Count the customers per value of each number.

    Returns one row per number (0, 1, 2) and value; the other two numbers are null in it. One pass
    over the summary gives three histograms; three queries would read the orders three times.
    """
    counted = summary.filter(summary.frequency >= 1).select(
        recency=summary.recency_days,
        frequency=summary.frequency,
        monetary=comparable_spend(summary.monetary),
    )
    # Three SELECTs, because unnesting an array takes a page of SQL in Snowflake.
    three = ibis.union(*(ibis.literal(k).name("number").as_table() for k in range(3)))
    lines = counted.cross_join(three)
    values = {
        name: (lines.number == k).ifelse(lines[name], ibis.null(lines[name].type()))
        for k, name in enumerate(_NUMBERS)
    }
    return (
        lines.select("number", **values)
        .group_by("number", *_NUMBERS)
        .aggregate(customers=lambda value: value.count())
    )


def thresholds(histogram: ir.Table) -> ir.Table:
    """Return one row with the thresholds of each number, and with what `check_fit` needs.

    P_k is the value at position ceil(k * n / 5) of n customers. At least ceil(k * n / 5) customers
    are worse than any value better than P_k, and fewer are worse than P_k itself. So the threshold
    is the first value with 5 * worse >= k * n, in whole numbers.
    """
    from_worst = [
        # not desc(): for BigQuery, Ibis would then put the nulls last
        ibis.asc(-histogram.recency, nulls_first=True),
        ibis.asc("frequency", nulls_first=True),
        ibis.asc("monetary", nulls_first=True),
    ]
    so_far = ibis.cumulative_window(group_by="number", order_by=from_worst)
    ranked = histogram.mutate(
        worse=histogram.customers.sum().over(so_far) - histogram.customers,
        total=histogram.customers.sum().over(ibis.window(group_by="number")),
    )
    # Decimals are read as text: Ibis cuts a numeric without a scale to nine decimal places.
    exact = not ranked.monetary.type().is_floating()
    found = {}
    for k in _FIFTHS:
        better = ranked.worse * 5 >= ranked.total * k
        least = ranked.monetary.min(where=better)
        found[f"recency_{k}"] = ranked.recency.max(where=better)
        found[f"frequency_{k}"] = ranked.frequency.min(where=better)
        found[f"monetary_{k}"] = least.cast("string") if exact else least
    return ranked.aggregate(
        customers=ranked.customers.sum(where=ranked.number == 0),
        before_orders=ranked.customers.sum(where=ranked.recency < 0),
        **found,
    )
