"""Read orders from a file, write scores to a file: Parquet or CSV, chosen by the ending."""

import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from rfm._check.wording import count
from rfm.columns import OrderColumns
from rfm.errors import InvalidFile
from rfm.summary import summarize_orders

_DEFAULT_COLUMNS: Final = OrderColumns()
# ISO 8601; before that, a blank between date and time becomes T, and Z becomes +00:00
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z")
_NAIVE_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")


def scan_orders(path: Path, columns: OrderColumns = _DEFAULT_COLUMNS) -> pl.LazyFrame:
    r"""Return the orders of a Parquet or CSV file as a LazyFrame.

    In a CSV file, ids and statuses stay text (`00042` keeps its zeros), and amounts become exact
    decimals. Times are ISO 8601, in UTC if they have no zone; `03/04/2026` is refused, because its
    month is not known. A CSV file is checked at once, a Parquet file is not read yet.

    Raises `InvalidFile` for another ending, for a missing file, and for amounts or times that
    cannot be read: how many, and the first one.

    >>> folder = Path(tempfile.mkdtemp())
    >>> file = folder / "orders.csv"
    >>> _ = file.write_text("customer_id,ordered_at,amount\n007,2026-11-01,9.90\n")
    >>> customer, ordered_at, amount = scan_orders(file).collect().row(0)
    >>> customer, ordered_at.isoformat(), amount
    ('007', '2026-11-01T00:00:00+00:00', Decimal('9.90'))
    """
    if not path.is_file():
        raise InvalidFile(f"{path} is not a file")
    return pl.scan_parquet(path) if _kind(path) == ".parquet" else _scan_csv(path, columns)


def summarize_file(
    path: Path,
    as_of: datetime,
    columns: OrderColumns = _DEFAULT_COLUMNS,
) -> pl.DataFrame:
    r"""Read a file of orders and return the summary of its customers at `as_of`.

    Reads the file as `scan_orders` does, and raises what that and `rfm.summarize_orders` raise.

    >>> file = Path(tempfile.mkdtemp()) / "orders.csv"
    >>> _ = file.write_text("customer_id,ordered_at,amount\n007,2026-11-01,9.90\n")
    >>> summarize_file(file, datetime(2026, 11, 2)).select("recency_days", "frequency").row(0)
    (1, 1)
    """
    orders = scan_orders(path, columns)
    return summarize_orders(orders, as_of=as_of, **columns._asdict()).collect(engine="streaming")


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in {".parquet", ".csv"}:
        raise InvalidFile(f"{path.name} ends with {path.suffix!r}; use .parquet or .csv")
    return kind


def _scan_csv(path: Path, columns: OrderColumns) -> pl.LazyFrame:
    header = pl.scan_csv(path).collect_schema().names()
    as_text = {name: pl.String for name in columns if name in header}
    orders = pl.scan_csv(path, schema_overrides=as_text)
    if columns.amount in header:
        example = "write them like 1234.50"
        orders = _parsed(orders, columns.amount, _decimal(orders, columns.amount), path, example)
    if columns.ordered_at in header:
        example = "write them like 2026-11-01 or 2026-11-01T12:00:00+01:00"
        orders = _parsed(orders, columns.ordered_at, _instant(columns.ordered_at), path, example)
    return orders


def _parsed(
    orders: pl.LazyFrame, name: str, value: pl.Expr, path: Path, example: str
) -> pl.LazyFrame:
    unreadable = orders.filter(pl.col(name).is_not_null() & value.is_null()).select(name)
    wrong = unreadable.collect(engine="streaming")[name]
    if len(wrong):
        raise InvalidFile(
            f"{count(len(wrong), 'value')} of {name!r} in {path.name} cannot be read, the first is "
            f"{wrong[0]!r}; {example}"
        )
    return orders.with_columns(value)


def _decimal(orders: pl.LazyFrame, amount: str) -> pl.Expr:
    digits = pl.col(amount).str.extract(r"\.(\d*)\s*$").str.len_chars()
    scale = orders.select(digits.max().fill_null(0)).collect(engine="streaming").item()
    return pl.col(amount).str.strip_chars().cast(pl.Decimal(38, scale), strict=False)


def _instant(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    iso = text.str.replace(r"^(\S+) +(\S+)$", "${1}T${2}").str.replace("Z$", "+00:00")
    utc = pl.Datetime("us", "UTC")
    day = (
        iso.str.to_date("%Y-%m-%d", strict=False)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
    )
    zoned = [
        iso.str.to_datetime(form, strict=False, time_unit="us").cast(utc) for form in _TIME_FORMATS
    ]
    naive = [
        iso.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone("UTC")
        for form in _NAIVE_TIME_FORMATS
    ]
    return pl.coalesce(day, *naive, *zoned).alias(name)


def writer_for(path: Path) -> Callable[[pl.DataFrame], None]:
    """Return a function that writes a frame to `path`; if it fails, no partial file stays.

    Raises `InvalidFile` for an ending other than .parquet and .csv, or a missing folder: at once,
    before an hour of work.
    """
    kind = _kind(path)
    if not path.parent.is_dir():
        raise InvalidFile(f"the folder {path.parent} does not exist")
    return lambda frame: _write(frame, path, kind)


def _write(frame: pl.DataFrame, path: Path, kind: str) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        temporary = Path(file.name)
    try:
        if kind == ".parquet":
            frame.write_parquet(temporary)
        else:
            frame.write_csv(temporary)
        # Only its owner can read a temporary file; the result gets the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
