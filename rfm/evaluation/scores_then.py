"""The score of each customer at a past instant, and whether the customer bought after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from rfm.instants import EPOCH, microseconds
from rfm.quintiles import fit
from rfm.scoring import score_frame
from rfm.summary import summarize_orders

if TYPE_CHECKING:
    from rfm.columns import OrderColumns
    from rfm.model import Model


@dataclass(frozen=True, slots=True)
class Past:
    """The customers of one past instant.

    customers: one row per customer, with the columns of `rfm.score_frame`, and `bought` (Boolean)
        and `revenue` of the orders in (as_of, as_of + horizon].
    model: the model that they were scored with.
    """

    as_of: datetime
    customers: pl.DataFrame
    model: Model


def look_back(
    orders: pl.LazyFrame,
    columns: OrderColumns,
    as_of: datetime,
    horizon: timedelta,
    model: Model | None,
) -> Past:
    """Score the customers with the orders up to `as_of` alone; add what they bought afterwards.

    Customers are those with a row of orders at or before `as_of`, counted or not.
    """
    names = columns._asdict()
    ordered_at = microseconds(
        pl.col(columns.ordered_at), orders.collect_schema()[columns.ordered_at]
    )
    known = ordered_at <= _microseconds(as_of)
    summary = summarize_orders(orders.filter(known), as_of=as_of, **names).collect()
    end = as_of + horizon
    later = summarize_orders(orders.filter(~known), as_of=end, **names).select(
        "customer_id",
        bought=pl.col("frequency") > 0,
        revenue=pl.col("monetary"),
    )
    chosen = fit(summary) if model is None else model
    scored = score_frame(summary, chosen).join(later.collect(), on="customer_id", how="left")
    return Past(
        as_of,
        scored.with_columns(
            pl.col("bought").fill_null(value=False), pl.col("revenue").fill_null(0)
        ),
        chosen,
    )


def newest_instant(orders: pl.LazyFrame, columns: OrderColumns) -> datetime | None:
    """Return when the newest order is; None where no order has a time."""
    name = columns.ordered_at
    newest = microseconds(pl.col(name), orders.collect_schema()[name]).max()
    [number] = orders.select(newest).collect(engine="streaming").to_series()
    return None if number is None else EPOCH + timedelta(microseconds=number)


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)
