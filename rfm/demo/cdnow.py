"""Real purchases: the CDNOW data set, 69,659 purchases of 23,570 customers in 1997 and 1998.

It is in the PyPI package `lifetimes`, which is installed without its dependencies. Its file is read
without importing it.
"""

from datetime import date
from importlib.metadata import distribution
from pathlib import Path

import polars as pl

from rfm._check.extras import needs


def read_cdnow(last_day: date) -> pl.DataFrame:
    """Return the purchases, shifted by whole days so that the last ones are on `last_day`.

    One row per purchase: `customer` (Int64, 1 to 23,570), `ordered_at` (midnight UTC) and `amount`
    (dollars, exact to the cent). Raises `MissingExtra` if the package is not installed.
    """
    purchases = pl.DataFrame(
        # Two lines with one customer and one day are two purchases.
        [line.split() for line in _path().read_text(encoding="ascii").splitlines()[1:]],
        schema=["customer", "day", "discs", "dollars"],
        orient="row",
    )
    day = pl.col("day").str.to_date("%Y%m%d")
    return purchases.select(
        pl.col("customer").cast(pl.Int64),
        (day + (last_day - day.max())).cast(pl.Datetime("us", "UTC")).alias("ordered_at"),
        pl.col("dollars").cast(pl.Decimal(38, 2)).alias("amount"),
    )


def _path() -> Path:
    with needs("the package with the CDNOW purchases", "--no-deps lifetimes"):
        package = distribution("lifetimes")
    return Path(str(package.locate_file("lifetimes/datasets/CDNOW_master.txt")))
