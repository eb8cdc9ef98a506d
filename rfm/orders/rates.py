"""Amounts in one currency, by a table of rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.frames import check_columns
from rfm._check.kinds import INSTANT, TEXT, Kind, raise_problems
from rfm._check.wording import count, first_few
from rfm.instants import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT: Final = Kind(
    "an integer or Decimal",
    lambda dtype: dtype.is_integer() or dtype.is_decimal(),
    "cast it to pl.Decimal(38, 6)",
)
_COLUMNS: Final = {"currency": TEXT, "rate": _EXACT, "valid_from": INSTANT}
_ALWAYS: Final = -(2**63)


def rate_column(rates: pl.DataFrame, target: str) -> tuple[pl.Expr, pl.DataType]:
    """Return the rate of each line as an expression over `currency` and `ordered_at`, and its type.

    rates: `currency`, `rate` (the value of 1 in the target currency) and `valid_from`.
    target: the currency to convert to, whose own rate is 1.

    Raises InvalidFrame for a table that lacks a column or has a null, a rate of 0 or less, or two
    rates of a currency at the same instant; and, when the plan is collected, for a line without a
    rate. A line without a currency or a time has a null rate.
    """
    table = _checked(rates).filter(pl.col("currency") != target)
    scale = _scale(table.schema["rate"])
    dtype = pl.Decimal(38, scale)
    own = pl.DataFrame({"currency": [target], "valid_from": [_ALWAYS], "rate": [1]})
    table = pl.concat(
        [
            frame.select("currency", "valid_from", pl.col("rate").cast(dtype))
            for frame in (table, own)
        ]
    ).sort("currency", "valid_from")

    def look_up(lines: pl.Series) -> pl.Series:
        return _rates_of(lines.struct.unnest(), table)

    columns = pl.struct(pl.col("currency"), pl.col("ordered_at"))
    return columns.map_batches(look_up, return_dtype=dtype, is_elementwise=True), dtype


def _rates_of(lines: pl.DataFrame, table: pl.DataFrame) -> pl.Series:
    numbered = lines.with_row_index("line").sort("ordered_at")
    found = numbered.join_asof(
        table.sort("valid_from"),
        left_on="ordered_at",
        right_on="valid_from",
        by="currency",
        strategy="backward",
        check_sortedness=False,
    ).sort("line")
    missing = found.filter(
        pl.col("rate").is_null()
        & pl.col("currency").is_not_null()
        & pl.col("ordered_at").is_not_null()
    )
    raise_problems(*_without_rate(missing))
    return found["rate"]


def _without_rate(lines: pl.DataFrame) -> Iterator[str]:
    if lines.height:
        currency, instant = lines.select(
            "currency", pl.col("ordered_at").cast(pl.Datetime("us", "UTC"))
        ).row(0)
        yield (
            f"at least {count(lines.height, 'order')} without a rate: {currency!r} has none that "
            f"is valid on {instant:%Y-%m-%d}; add it to `rates`"
        )


def _checked(rates: pl.DataFrame) -> pl.DataFrame:
    schema = check_columns(rates, "rates", _COLUMNS, "it needs these three")
    table = rates.select(
        pl.col("currency").cast(pl.String),
        pl.col("rate"),
        microseconds(pl.col("valid_from"), schema["valid_from"]).alias("valid_from"),
    )
    raise_problems(*_table_problems(table))
    return table


def _table_problems(table: pl.DataFrame) -> Iterator[str]:
    nulls = table.filter(pl.any_horizontal(pl.all().is_null())).height
    if nulls:
        yield f"{count(nulls, 'row')} of rates with a null; fill it, or leave the row out"
    wrong = table.filter(pl.col("rate") <= 0)["currency"]
    if len(wrong):
        yield f"{count(len(wrong), 'rate')} of 0 or less: {first_few(wrong)}; correct them"
    twice = table.filter(pl.struct("currency", "valid_from").is_duplicated())["currency"].unique()
    if len(twice):
        yield (
            f"{count(len(twice), 'currency', 'currencies')} with two rates from the same instant: "
            f"{first_few(twice.sort())}; keep one of them"
        )


def _scale(dtype: pl.DataType) -> int:
    return dtype.scale if isinstance(dtype, pl.Decimal) else 0
