"""The orders that a summary leaves out, counted for each customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from rfm._check.frames import check_columns
from rfm._check.kinds import IDENTITY, INSTANT, TEXT
from rfm.columns import OrderColumns
from rfm.instants import microseconds
from rfm.orders.rules import UNCOUNTED_STATUSES

if TYPE_CHECKING:
    from typing import Unpack

    from rfm.columns import ColumnNames


def left_out(
    orders: pl.DataFrame | pl.LazyFrame, customers: pl.DataFrame, **columns: Unpack[ColumnNames]
) -> pl.DataFrame:
    """Count the orders that do not count, for customers with their own `as_of`.

    Returns `customer_id`, a column for each uncounted status with the number of its orders,
    whenever they were, `after_as_of` with the number of later orders that will count,
    `next_order_at`, the first of them, and `undated`, the number of those without a time.
    """
    names = OrderColumns.named(**columns)
    required = {names.customer_id: IDENTITY, names.ordered_at: INSTANT}
    remedy = 'name yours, for example `customer_id="buyer"`'
    schema = check_columns(orders, "orders", required, remedy, optional={names.status: TEXT})
    key = customers["customer_id"].dtype
    status = pl.col(names.status) if names.status in schema else pl.lit(None, pl.String)
    lines = orders.lazy().select(
        pl.col(names.customer_id).cast(key, strict=False).alias("customer_id"),
        microseconds(pl.col(names.ordered_at), schema[names.ordered_at]).alias("ordered_at"),
        _lower_case(status).alias("status"),
    )
    later = pl.col("ordered_at").filter(
        (pl.col("ordered_at") > pl.col("as_of").to_physical()) & pl.col("status").is_null()
    )
    return (
        lines.join(customers.lazy(), on="customer_id")
        .group_by("customer_id")
        .agg(
            *((pl.col("status") == one).sum().alias(one) for one in UNCOUNTED_STATUSES),
            later.len().alias("after_as_of"),
            (pl.col("ordered_at").is_null() & pl.col("status").is_null()).sum().alias("undated"),
            later.min().cast(pl.Datetime("us", "UTC")).alias("next_order_at"),
        )
        .collect(engine="streaming")
    )


def _lower_case(status: pl.Expr) -> pl.Expr:
    """Return an uncounted status in lower case; null for one that counts."""
    lower = status.cast(pl.String).str.to_lowercase()
    return pl.when(lower.is_in(list(UNCOUNTED_STATUSES))).then(lower)
