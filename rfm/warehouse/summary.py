"""From orders to three numbers per customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import ibis
import ibis.expr.datatypes as dt

from rfm.columns import OrderColumns
from rfm.instants import DAY, EARLIEST, EPOCH, microseconds_since_epoch
from rfm.orders.rules import UNCOUNTED_STATUSES
from rfm.warehouse.instants import INSTANTS, is_finer
from rfm.warehouse.kinds import check_no_null_ids, check_orders, known_engine
from rfm.warehouse.numbers import DECIMAL_DIGITS, finite_or_null, zero

if TYPE_CHECKING:
    from datetime import date
    from typing import Unpack

    import ibis.expr.types as ir

    from rfm.columns import ColumnNames

_FIRST: Final = microseconds_since_epoch(datetime.min.replace(tzinfo=UTC))
_LAST: Final = microseconds_since_epoch(datetime.max.replace(tzinfo=UTC))
_FALSE: Final = ibis.literal(value=False)


def summarize_orders(
    orders: ir.Table, *, as_of: datetime | date, **columns: Unpack[ColumnNames]
) -> ir.Table:
    """Summarize orders as one row per customer, as `rfm.summarize_orders` does.

    orders: an Ibis table with one row per order, and these columns:
        `customer_id`: any flat type but floats; no nulls.
        `ordered_at`: date (its midnight UTC) or timestamp (UTC if it has no zone); the session's
            time zone changes nothing.
        `amount`: integer, decimal or float, in the currency's main unit. A null, NaN or infinite
            amount adds 0.
        `status`: text; the column may be missing.
    as_of: the instant for which the numbers are true: a datetime (UTC if it is naive) or a date
        (its midnight UTC).
    columns: other names for the four columns of the orders, for example `customer_id="buyer"`.

    Returns an Ibis table, not computed yet; the order of its rows is undefined:

    `customer_id`: as in the orders.
    `last_order_at`: timestamp with the zone UTC, the newest counted order; null if none counts, or
        if it is at -infinity.
    `recency_days`: int64, whole 24-hour days from there to `as_of`, rounded down, or null.
    `frequency`: int64, the number of counted orders.
    `monetary`: the sum of their amounts, 0 if none counts: decimal(38, s) for integers (s = 0) and
        decimals, float64 for floats. A sum with more digits is an error of the engine (in Spark
        without ANSI mode, a null).

    One query runs at once: it counts the rows without a customer. It is left out if the engine
    says that the column has no nulls.

    Raises InvalidFrame for missing columns, wrong types, null ids, and an unknown engine;
    InvalidAsOf for an `as_of` that is not an instant; TypeError for an unknown keyword.

    >>> from datetime import date
    >>> from rfm.warehouse.example import example_orders
    >>> summary = summarize_orders(example_orders(), as_of=date(2025, 1, 31))
    >>> summary = summary.order_by("customer_id")
    >>> summary.select("customer_id", "recency_days", "frequency", "monetary").to_polars().rows()
    [('ada', 22, 2, Decimal('55')), ('bob', None, 0, Decimal('0'))]
    """
    names = OrderColumns.named(**columns)
    instant = microseconds_since_epoch(as_of)
    check_orders(orders, names)
    engine = known_engine(orders)
    check_no_null_ids(orders[names.customer_id])
    return summarize_checked(orders, instant, names, engine)


def summarize_checked(orders: ir.Table, as_of: int, names: OrderColumns, engine: str) -> ir.Table:
    """Summarize orders that have been checked, at an instant in microseconds since 1970."""
    microseconds, instant, not_after = INSTANTS[engine]
    ordered_at = orders[names.ordered_at]
    counts = _has_counted_status(orders, names.status) & not_after(
        ordered_at, _instant_text(as_of, ordered_at.type())
    )
    amount = _summable(orders[names.amount], engine)
    # Not a filter: customers without a counted order belong to the summary.
    lines = orders.select(
        customer_id=orders[names.customer_id],
        ordered_at=ordered_at,
        counts=counts.fill_null(_FALSE),
        amount=amount,
    )
    totals = lines.group_by("customer_id").aggregate(
        newest=lines.ordered_at.max(where=lines.counts),
        frequency=lines.count(where=lines.counts),
        monetary=lines.counts.ifelse(lines.amount, zero(amount.type())).sum(),
    )
    timed = totals.mutate(microseconds=microseconds(totals.newest))
    known = (timed.microseconds >= EARLIEST).ifelse(timed.microseconds, ibis.null("int64"))
    timed = timed.mutate(passed=as_of - known)
    return timed.select(
        "customer_id",
        last_order_at=instant(timed.newest, timed.microseconds),
        recency_days=_whole_days(timed.passed),
        frequency=timed.frequency,
        monetary=timed.monetary.cast(_sum_type(amount.type())),
    )


def _instant_text(as_of: int, dtype: dt.DataType) -> str:
    """Return the instant as text in the format of the type."""
    # An as_of in another zone may lie hours outside of the years that Python can write.
    moment = EPOCH + timedelta(microseconds=min(max(as_of, _FIRST), _LAST))
    if dtype.is_date():
        return moment.date().isoformat()
    nanoseconds = "999" if is_finer(dtype) else ""  # the whole microsecond counts
    zone = "" if dtype.timezone is None else "+00:00"
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}{nanoseconds}{zone}"


def _has_counted_status(orders: ir.Table, name: str) -> ir.Value:
    if name not in orders.columns:
        return ibis.literal(value=True)
    return ~orders[name].lower().isin(UNCOUNTED_STATUSES).fill_null(_FALSE)


def _summable(amount: ir.Value, engine: str) -> ir.Value:
    dtype = amount.type()
    if dtype.is_floating():
        amount = finite_or_null(amount.cast("float64"))
    elif dtype.is_integer():
        # an engine's sum of integers may wrap around
        amount = amount.cast(dt.Decimal(DECIMAL_DIGITS, 0))
    elif engine == "postgres":  # only its decimals may be infinite or NaN
        amount = finite_or_null(amount, dt.Decimal())
    return amount.fill_null(zero(amount.type()))


def _sum_type(dtype: dt.DataType) -> dt.DataType:
    if dtype.is_floating() or dtype.precision is None:
        return dtype
    return dt.Decimal(max(dtype.precision, DECIMAL_DIGITS), dtype.scale)


def _whole_days(microseconds: ir.Value) -> ir.Value:
    # Engines divide integers as floats. A multiple of DAY below 2**63 is divided without rounding.
    return ((microseconds - microseconds % DAY) // DAY).cast("int64")
