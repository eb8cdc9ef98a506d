"""The counted orders of a range of customers."""

from typing import Final

import polars as pl

from rfm.db.reads.reader import Reader, exact
from rfm.db.reads.totals import KeyRange

NO_ORDERS: Final = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "ordered_at": pl.Datetime("us", "UTC"),
        "amount": pl.Decimal(38, 0),
    }
)
"""The columns of the orders that are read, without a row."""

_LATE: Final = 9_215_576_668_800_000_000  # the year 294000 in microseconds, see reads/orders.sql
_MINUS_INFINITY: Final = -(2**62)


def read_orders(reader: Reader, keys: KeyRange) -> pl.DataFrame:
    """Return the counted orders of a range of customers, as `rfm.summarize_orders` takes them.

    `customer_id` is text, `ordered_at` an instant (of the earliest there are where it lies at
    -infinity), and `amount` exact.
    """
    orders = reader.read("internal/reads/orders", first=keys.first, stop=keys.stop)
    return orders.with_columns(_ordered_at(), exact(orders["amount"]))


def _ordered_at() -> pl.Expr:
    """Put back -infinity, as summarize_orders has it: an instant before PostgreSQL's earliest."""
    instant = pl.col("ordered_at").to_physical()
    instant = pl.when(instant < _LATE).then(instant).when(instant >= _LATE).then(_MINUS_INFINITY)
    return instant.cast(pl.Datetime("us", "UTC")).alias("ordered_at")
