"""The orders of the examples in docstrings."""

from datetime import date

import ibis
import ibis.expr.types as ir
import polars as pl


def example_orders() -> ir.Table:
    """Return three orders of two customers as an Ibis table.

    >>> example_orders().count().to_pyarrow().as_py()
    3
    """
    rows = {
        "customer_id": ["ada", "ada", "bob"],
        "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2025, 1, 5)],
        "amount": [20, 35, 50],
        "status": ["paid", "paid", "Refunded"],
    }
    return ibis.memtable(pl.DataFrame(rows))
