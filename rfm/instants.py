"""Instants as whole microseconds since 1970 in UTC, the unit that PostgreSQL uses."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from rfm._check.kinds import INSTANT
from rfm.errors import InvalidAsOf

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = 86_400_000_000
"""The microseconds of 24 hours."""

EARLIEST: Final = -2_440_588 * DAY
"""PostgreSQL's earliest instant: 4713-11-24 BC, where Julian days begin."""

INT64_MAX: Final = 2**63 - 1
_MINUS_INFINITY: Final = EARLIEST - 1  # stands for every instant before EARLIEST
_MICROSECONDS_PER_UNIT: Final = {"us": 1, "ms": 1_000, "days": DAY}


def microseconds_since_epoch(as_of: object, wanted: str = "a datetime or a date") -> int:
    """Return the instant in microseconds; a naive datetime is UTC, a date is its midnight UTC.

    wanted: what `as_of` may be, for the error. Raises InvalidAsOf for anything but a datetime or a
    date.

    >>> microseconds_since_epoch(date(1970, 1, 2)) == DAY
    True
    """
    if not isinstance(as_of, date):  # a datetime is a date, too
        raise InvalidAsOf(
            f"as_of is {as_of!r}, not {wanted}; "
            "parse text with datetime.fromisoformat(); datetime.now(UTC) is the present"
        )
    instant = as_of if isinstance(as_of, datetime) else datetime.combine(as_of, time())
    if instant.utcoffset() is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // timedelta(microseconds=1)


def as_of_column(as_of: pl.Expr, frame: pl.DataFrame | pl.LazyFrame) -> pl.Expr:
    """Return the expression in microseconds, called `as_of`.

    Raises InvalidAsOf if it returns neither a Date nor a Datetime on the frame.
    """
    dtype = frame.lazy().select(as_of.alias("as_of")).collect_schema()["as_of"]
    if not INSTANT.holds(dtype):
        raise InvalidAsOf(f"as_of returns {dtype}, not {INSTANT.wanted}; {INSTANT.remedy}")
    return microseconds(as_of, dtype).alias("as_of")


def microseconds(instant: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return a Date or Datetime as an Int64 of microseconds; nanoseconds are cut off.

    Every instant before EARLIEST becomes the same number, which stands for PostgreSQL's -infinity.
    """
    number = instant.to_physical().cast(pl.Int64)
    unit = getattr(dtype, "time_unit", "days")  # a Date has no unit, it counts days
    if unit == "ns":
        return number // 1_000
    size = _MICROSECONDS_PER_UNIT[unit]
    limit = INT64_MAX // size  # an instant beyond it has no Int64; the limit is late enough
    return (number.clip(-limit, limit) * size).clip(lower_bound=_MINUS_INFINITY)


def whole_days(newest: pl.Expr, as_of: pl.Expr) -> pl.Expr:
    """Return the whole 24-hour days between two instants in microseconds, rounded down."""
    # Days and the rest of a day apart: the difference of two extremes does not fit an Int64.
    return as_of // DAY - newest // DAY - (as_of % DAY < newest % DAY).cast(pl.Int64)
