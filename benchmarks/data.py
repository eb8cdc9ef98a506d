"""Orders to measure on, the same on every machine: `python -m benchmarks.data 10000000`.

A customer's share of the orders falls with its rank as 1/sqrt(rank): a few have thousands, most a
handful. Ids come in no order. Three years of orders, more of them recent; amounts log-normal, to
the cent; 6 in 100 orders do not count.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

ORDERS_PER_CUSTOMER: Final = 10
AS_OF: Final = datetime(2026, 1, 1, tzinfo=UTC)
FOLDER: Final = Path(__file__).parent / "data"

_CHUNK: Final = 5_000_000
_BYTES_PER_ORDER: Final = 40  # twice what a file takes
_THREE_YEARS: Final = 3 * 365 * 86_400_000_000  # microseconds
_STATUSES: Final = {
    "paid": 0.80,
    "shipped": 0.14,
    "cancelled": 0.03,
    "Refunded": 0.02,
    "failed": 0.01,
}


def orders_file(size: int) -> Path:
    """Return the path of the file with this number of orders."""
    return FOLDER / f"orders-{size}.parquet"


def make(sizes: set[int]) -> None:
    """Make the missing files, each in a process of its own, because that takes memory."""
    FOLDER.mkdir(exist_ok=True)
    for size in sorted(sizes):
        if orders_file(size).exists():
            continue
        if disk_usage(FOLDER).free < size * _BYTES_PER_ORDER:
            print(f"no room on the disk for {size:,} orders: their trials will fail")
            continue
        print(f"making {size:,} orders")
        subprocess.run([sys.executable, "-m", "benchmarks.data", str(size)], check=True)


def write(size: int) -> None:
    """Write the file part by part; it gets its name when it is complete."""
    import pyarrow.parquet as pq

    path = orders_file(size)
    unfinished = path.with_suffix(".part")
    first, *rest = range(0, size, _CHUNK)
    table = _part(first, size)
    with pq.ParquetWriter(unfinished, table.schema) as writer:
        writer.write_table(table)
        for start in rest:
            writer.write_table(_part(start, size))
    unfinished.rename(path)


def _part(start: int, size: int) -> pa.Table:
    import numpy as np
    import polars as pl

    rows, people = min(_CHUNK, size - start), max(1, size // ORDERS_PER_CUSTOMER)
    random = np.random.default_rng(start)
    rank = (people * random.random(rows) ** 2).astype(np.int64)
    age = (_THREE_YEARS * random.random(rows) ** 1.5).astype(np.int64)
    cents = (100 * random.lognormal(3.5, 1, rows)).astype(np.int64)
    statuses = random.choice(len(_STATUSES), rows, p=list(_STATUSES.values()))
    newest = int(AS_OF.timestamp()) * 1_000_000
    numbers = pl.DataFrame({"rank": rank, "age": age, "cents": cents})
    return numbers.select(
        order_id=pl.int_range(start, start + rows),
        customer_id=pl.col("rank") * 2_654_435_761 % 2**32,  # odd, so all ids stay different
        ordered_at=(newest - pl.col("age")).cast(pl.Datetime("us", "UTC")),
        amount=(pl.col("cents").cast(pl.Decimal(12, 2)) / 100).cast(pl.Decimal(12, 2)),
        status=pl.Series(list(_STATUSES)).gather(statuses),
    ).to_arrow()


if __name__ == "__main__":
    write(int(sys.argv[1]))
