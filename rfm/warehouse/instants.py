"""How each engine handles instants.

Ibis does not hide the differences. Seen with Ibis 12:

- Spark's TIMESTAMP and TIMESTAMP_NTZ are one type in Ibis, without a zone, and its literals of
  both depend on the session's time zone;
- it cannot take microseconds out of a Spark timestamp;
- its epoch_seconds() shifts DuckDB's TIMESTAMPTZ by the session's zone (Ibis issue 11211), and cuts
  off or rounds the fraction, depending on the engine;
- a cast from a timestamp without a zone to one with a zone uses the session's zone in PostgreSQL,
  Snowflake and Spark;
- the difference of two timestamps counts midnights in one engine and 24 hours in another.

So each engine converts an instant into microseconds since 1970 with a function of its own, once per
customer. After that, days are computed from whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

UTC_TIMESTAMP: Final = dt.Timestamp(timezone="UTC", scale=6)


def is_finer(dtype: dt.DataType) -> bool:
    """Return whether the type has nanoseconds, which are cut off."""
    return bool(dtype.is_timestamp() and (dtype.scale or 0) > UTC_TIMESTAMP.scale)


class Instants(NamedTuple):
    """How one engine handles instants.

    microseconds: converts a column to microseconds since 1970; -infinity may become null.
    instant: converts a column and its microseconds to a timestamp with the zone UTC.
    not_after: whether a column is at or before an instant that is given as text.
    """

    microseconds: Callable[[ir.Value], ir.Value]
    instant: Callable[[ir.Value, ir.Value], ir.Value]
    not_after: Callable[[ir.Value, str], ir.Value]


def _function(name: str, returns: dt.DataType) -> Callable[[ir.Value], ir.Value]:
    """Return a function that the engine has under this name."""
    signature = ((None,), returns)
    function: Callable[..., ir.Value] = ibis.udf.scalar.builtin(
        lambda value: value, name=name, signature=signature
    )
    return function


def _function_of_two(name: str, returns: dt.DataType) -> Callable[[str, ir.Value], ir.Value]:
    """Return a function that the engine has under this name; its first argument is text."""
    signature = ((dt.string, None), returns)
    function: Callable[..., ir.Value] = ibis.udf.scalar.builtin(
        lambda text, value: (text, value), name=name, signature=signature
    )
    return function


def _not_after(column: ir.Value, text: str) -> ir.Value:
    # Cast from text, because Ibis writes the seconds of a DuckDB literal as a float.
    return column <= ibis.literal(text).cast(column.type())


_typeof = _function("typeof", dt.string)
_spark_unix_micros = _function("unix_micros", dt.int64)
_spark_naive = _function("to_timestamp_ntz", dt.timestamp)


def _spark_microseconds(instant: ir.Value) -> ir.Value:
    text = instant.cast("string")
    if instant.type().is_date():
        return _spark_unix_micros((text + "T00:00:00Z").cast(UTC_TIMESTAMP))
    # Spark's optimizer treats typeof() as a constant, so only one of the two branches stays.
    is_naive = _typeof(instant) == "timestamp_ntz"
    return _spark_unix_micros(is_naive.ifelse((text + "Z").cast(UTC_TIMESTAMP), instant))


def _spark_not_after(column: ir.Value, text: str) -> ir.Value:
    if column.type().is_date():
        return _not_after(column, text)
    is_naive = _typeof(column) == "timestamp_ntz"
    return is_naive.ifelse(
        column <= _spark_naive(text[:26]),
        column <= ibis.literal(f"{text[:26]}Z").cast(UTC_TIMESTAMP),
    )


def _postgres_microseconds(instant: ir.Value) -> ir.Value:
    # extract(epoch ...) is an exact numeric; its cast to an integer fails for -infinity.
    seconds = instant.epoch_seconds().cast(dt.Decimal(38, 6))
    infinite = instant.cast("string") == "-infinity"
    return infinite.ifelse(ibis.null("int64"), (seconds * 1_000_000).cast("int64"))


_postgres_zoned = _function_of_two("timezone", UTC_TIMESTAMP)


def _postgres_instant(newest: ir.Value, microseconds: ir.Value) -> ir.Value:
    dtype = newest.type()
    naive = newest.cast("timestamp") if dtype.is_date() else newest
    zoned = dtype.is_timestamp() and dtype.timezone is not None
    instant = newest.cast(UTC_TIMESTAMP) if zoned else _postgres_zoned("UTC", naive)
    # Drivers cannot read -infinity, and would fail for the whole table.
    return microseconds.isnull().ifelse(ibis.null(UTC_TIMESTAMP), instant)


_snowflake_part = _function_of_two("date_part", dt.int64)
_EPOCH_UTC: Final = ibis.literal("1970-01-01T00:00:00+00:00").cast(UTC_TIMESTAMP)


def _snowflake_microseconds(instant: ir.Value) -> ir.Value:
    if instant.type().is_date():
        instant = instant.cast("timestamp")
    return _snowflake_part("epoch_microsecond", instant)


_duckdb_epoch_us = _function("epoch_us", dt.int64)
_duckdb_epoch_ns = _function("epoch_ns", dt.int64)
_duckdb_make_ns = _function("make_timestamp_ns", dt.Timestamp(scale=9))
_duckdb_instant = _function("make_timestamptz", UTC_TIMESTAMP)
_bigquery_unix_micros = _function("unix_micros", dt.int64)
_timestamp_micros = _function("timestamp_micros", UTC_TIMESTAMP)


def _duckdb_microseconds(instant: ir.Value) -> ir.Value:
    if is_finer(instant.type()):  # epoch_us() rounds nanoseconds
        nanoseconds = _duckdb_epoch_ns(instant)
        rest = (nanoseconds % 1000 + 1000) % 1000
        instant = _duckdb_make_ns(nanoseconds - rest)
    return _duckdb_epoch_us(instant)


_SPARK: Final = Instants(
    _spark_microseconds, lambda _, micros: _timestamp_micros(micros), _spark_not_after
)
INSTANTS: Final = {
    "bigquery": Instants(
        # In BigQuery, a DATE or DATETIME always becomes a TIMESTAMP in UTC.
        lambda instant: _bigquery_unix_micros(instant.cast(UTC_TIMESTAMP)),
        lambda _, micros: _timestamp_micros(micros),
        _not_after,
    ),
    "databricks": _SPARK,
    "duckdb": Instants(_duckdb_microseconds, lambda _, micros: _duckdb_instant(micros), _not_after),
    "postgres": Instants(_postgres_microseconds, _postgres_instant, _not_after),
    "pyspark": _SPARK,
    "snowflake": Instants(
        _snowflake_microseconds,
        lambda _, micros: _EPOCH_UTC + micros.as_interval("us"),
        _not_after,
    ),
}
"""The engines that rfm knows. BigQuery, Databricks and Snowflake are known from their manuals."""
