"""Orders from a file, scores to a file: Parquet or CSV, by the file's ending."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from rfm.errors import InvalidFile


def scan_orders(path: Path, *, customer_id: str, amount: str) -> pl.LazyFrame:
    r"""Scan a Parquet or CSV file of orders; nothing is read yet of a Parquet file.

    Of a CSV file, the ids stay text (`00042` keeps its zeros), the amounts become exact decimals
    and what looks like dates becomes dates. Raises `InvalidFile` for another ending, a file that
    is not there, and amounts that are no numbers.

    >>> folder = Path(tempfile.mkdtemp())
    >>> file = folder / "orders.csv"
    >>> _ = file.write_text("customer_id,ordered_at,amount\n007,2026-11-01,9.90\n")
    >>> orders = scan_orders(file, customer_id="customer_id", amount="amount")
    >>> orders.collect().row(0)
    ('007', datetime.date(2026, 11, 1), Decimal('9.90'))
    """
    if not path.is_file():
        raise InvalidFile(f"{path} is not a file")
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    if path.suffix == ".csv":
        return _scan_csv(path, customer_id, amount)
    raise InvalidFile(f"{path.name} ends with {path.suffix!r}; .parquet and .csv are understood")


def _scan_csv(path: Path, customer_id: str, amount: str) -> pl.LazyFrame:
    header = pl.scan_csv(path).collect_schema().names()
    as_text = {name: pl.String for name in (customer_id, amount) if name in header}
    orders = pl.scan_csv(path, try_parse_dates=True, schema_overrides=as_text)
    return orders if amount not in header else _with_exact_amounts(orders, path, amount)


def _with_exact_amounts(orders: pl.LazyFrame, path: Path, amount: str) -> pl.LazyFrame:
    digits = pl.col(amount).str.extract(r"\.(\d*)\s*$").str.len_chars()
    scale = orders.select(digits.max().fill_null(0)).collect(engine="streaming").item()
    exact = pl.col(amount).str.strip_chars().cast(pl.Decimal(38, scale), strict=False)
    wrong = (
        orders.filter(pl.col(amount).is_not_null() & exact.is_null())
        .select(pl.col(amount))
        .collect(engine="streaming")[amount]
    )
    if len(wrong):
        raise InvalidFile(
            f"{len(wrong)} of the amounts in {path.name} are no numbers, the first is "
            f"{wrong[0]!r}; write them like 1234.50"
        )
    return orders.with_columns(exact)


def writer_for(path: Path) -> Callable[[pl.DataFrame], None]:
    """Return the function that writes a frame to `path`, whole or not at all.

    Raises `InvalidFile` at once for an ending other than .parquet and .csv, or a missing folder, so
    that nobody computes for an hour first.
    """
    if path.suffix not in {".parquet", ".csv"}:
        raise InvalidFile(
            f"{path.name} ends with {path.suffix!r}; .parquet and .csv are understood"
        )
    if not path.parent.is_dir():
        raise InvalidFile(f"the folder {path.parent} does not exist")
    return lambda frame: _write(frame, path)


def _write(frame: pl.DataFrame, path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        beside = Path(file.name)
    try:
        if path.suffix == ".parquet":
            frame.write_parquet(beside)
        else:
            frame.write_csv(beside)
        # a temporary file is its owner's alone; a result has the usual rights
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
