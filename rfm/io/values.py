"""Amounts and instants that are written as text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

UTC_TIME: Final = pl.Datetime("us", "UTC")

_GROUPED: Final = r"^[+-]?\d{1,3}(?:G\d{3})+(?:M\d*)?$"
_GROUP_MARKS: Final = r"['’\s\u00a0\u202f]"
# What other programs write, in ISO 8601: PostgreSQL leaves out the T and the minutes of the zone.
_NORMAL_TIME: Final = (
    (r"^(\d{4}-\d\d-\d\d)\s+(\d)", "${1}T${2}"),
    (r"\s*(?:Z|z|UTC|GMT)$", "+00"),
    (r"\s+([+-]\d\d(?::?\d\d)?)$", "${1}"),
)
_ISO: Final = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_TIME_PARTS: Final = ("%H", "%I", "%k", "%l", "%T", "%R", "%X", "%r", "%c", "%s", "%+")


def without_blanks(text: pl.Expr) -> pl.Expr:
    """Return the text without blanks around it; null if nothing remains."""
    stripped = text.str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def plain_decimal(text: pl.Expr, decimal: str | None) -> pl.Expr:
    """Return amounts with a point as decimal mark, without groups and without an exponent.

    decimal: the decimal mark, if the caller named one; only then may digits be grouped.
    """
    number = without_blanks(text)
    if decimal:
        number = _with_point(number, decimal)
    return number.map_batches(_without_exponent, return_dtype=pl.String, is_elementwise=True)


def decimal_places(plain: pl.Expr) -> pl.Expr:
    """Return how many digits follow the point."""
    point = plain.str.find(".", literal=True)
    return (plain.str.len_bytes() - point - 1).fill_null(0)


def instants(text: pl.Expr, date_format: str | None) -> pl.Expr:
    """Return text as instants; null if it is not written as ISO 8601 or in the given format."""

    def parse(batch: pl.Series) -> pl.Series:
        return _in_format(batch, date_format) if date_format else _in_iso(batch)

    return without_blanks(text).map_batches(parse, return_dtype=UTC_TIME, is_elementwise=True)


def _with_point(number: pl.Expr, decimal: str) -> pl.Expr:
    other = "," if decimal == "." else "."
    group = rf"(?:\{other}|{_GROUP_MARKS})"
    grouped = _GROUPED.replace("G", group).replace("M", rf"\{decimal}")
    joined = pl.when(number.str.contains(grouped)).then(number.str.replace_all(group, ""))
    same = joined.otherwise(number)
    if decimal == ".":
        return same
    # A point that is left is no group: `1.5` is not 15.
    return (
        pl.when(~same.str.contains(".", literal=True))
        .then(same.str.replace(",", ".", literal=True))
        .otherwise(pl.lit("?"))
    )


def _without_exponent(numbers: pl.Series) -> pl.Series:
    exponents = numbers.str.contains("[eE]")
    if not exponents.any():
        return numbers
    written = numbers.str.contains(r"^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}$")
    return pl.Series(
        numbers.name,
        [
            f"{Decimal(number):f}" if number and has_exponent else number
            for number, has_exponent in zip(numbers, written, strict=True)
        ],
        dtype=pl.String,
    )


def _in_iso(text: pl.Series) -> pl.Series:
    found = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    found = found.dt.replace_time_zone("UTC")
    if found.null_count() == text.null_count():
        return found
    for pattern, replacement in _NORMAL_TIME:
        text = text.str.replace(pattern, replacement)
    for attempt in _attempts(text):
        found = found.zip_with(found.is_not_null(), attempt)
        if found.null_count() == text.null_count():
            break
    return found


def _attempts(text: pl.Series) -> Iterator[pl.Series]:
    """Parse the text in one format after the other; the next one is tried only if needed."""
    for form in _ISO:
        naive = text.str.to_datetime(form, strict=False, time_unit="us")
        yield naive.dt.replace_time_zone("UTC")
    for form in _ISO:
        zoned = text.str.to_datetime(f"{form}%#z", strict=False, time_unit="us")
        yield zoned.cast(UTC_TIME)


def _in_format(text: pl.Series, date_format: str) -> pl.Series:
    if not any(part in date_format for part in _TIME_PARTS):
        day = text.str.to_date(date_format, strict=False)
        return day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    moment = text.str.to_datetime(date_format, strict=False, time_unit="us")
    if isinstance(moment.dtype, pl.Datetime) and moment.dtype.time_zone:
        return moment.cast(UTC_TIME)
    return moment.dt.replace_time_zone("UTC")
