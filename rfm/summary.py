"""From orders to three numbers per customer."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from rfm._check.frames import (
    ANYTHING,
    IDENTITY,
    INSTANT,
    MONEY,
    TEXT,
    WHOLE,
    Frame,
    check_columns,
    check_ids,
    checked_when_collected,
    many,
    nameless,
    refuse,
    some,
)
from rfm.errors import InvalidAsOf

if TYPE_CHECKING:
    from collections.abc import Iterator

UNCOUNTED_STATUSES: Final = ("cancelled", "canceled", "refunded", "failed", "void")
"""An order of one of these, in any case, does not count."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = 86_400_000_000  # all instants are microseconds since the epoch
_MICROSECONDS: Final = {"us": 1, "ms": 1_000, "days": DAY}
EARLIEST: Final = -2_440_588 * DAY  # PostgreSQL's: 4713-11-24 BC, where Julian days begin
_MINUS_INFINITY: Final = EARLIEST - 1  # whatever lies before
_INT64_MAX: Final = 2**63 - 1
_INT64_DIGITS: Final = 20  # of an unsigned one
_DECIMAL_DIGITS: Final = 38
_DIGITS_OF_A_HEIGHT: Final = 18  # no frame has more rows than 10**18
# Every way to write them: that takes a third of a regular expression's time, a sixth of
# to_lowercase()'s, and finds the same.
_UNCOUNTED: Final = pl.Series(
    "".join(letters)
    for status in UNCOUNTED_STATUSES
    for letters in product(*zip(status, status.upper(), strict=True))
).implode()
_FAULTS: Final = {
    "torn": ("more than one as_of", "give each one instant, for example with .over()"),
    "overflowing": ("a spend of more than 38 digits", "cast the amounts to pl.Float64"),
}


class _Names(NamedTuple):
    """What the columns of the orders are called."""

    customer_id: str
    ordered_at: str
    amount: str
    status: str


def summarize_orders(  # noqa: PLR0913 - four are the names of columns
    orders: Frame,
    *,
    as_of: datetime | date | pl.Expr,
    customers: pl.DataFrame | pl.LazyFrame | pl.Series | None = None,
    customer_id: str = "customer_id",
    ordered_at: str = "ordered_at",
    amount: str = "amount",
    status: str = "status",
) -> Frame:
    """Summarize orders as one row per customer.

    orders: one row per order. The columns, which other keywords may name otherwise:
        `customer_id`: integers, text or another flat type but floats; no nulls.
        `ordered_at`: Date (its midnight UTC) or Datetime (UTC where it is naive). Compared in
            PostgreSQL's unit, the microsecond: nanoseconds are cut off.
        `amount`: integer, Decimal or float, in the currency's main unit. A null, NaN or infinite
            amount adds 0.
        `status`: text, if there is such a column.
    as_of: the instant that the summary is true for: a datetime (UTC where it is naive), a date (its
        midnight UTC), or an expression. Where `customers` has all its columns it is evaluated
        there, else on the orders, where it must be one instant per customer. Nothing counts where
        it is null.
    customers: the customers to summarize, those without an order among them: a frame with the
        column `customer_id`, or a Series; neither nulls nor repetitions. All that are in the
        orders unless given.

    An order counts when `ordered_at <= as_of` and its status is not one of UNCOUNTED_STATUSES, in
    any case; a null status counts, a null `ordered_at` does not.

    Returns a frame of the kind of `orders`, its rows in no particular order:

    `customer_id`: as in `customers`, or else as in the orders.
    `last_order_at`: Datetime("us", "UTC"), the newest counted order; null where none counts.
    `recency_days`: Int64, whole 24-hour days from then to `as_of`, rounded down; null where no
        order counts, or where the newest lies before 4713-11-24 BC, PostgreSQL's earliest instant,
        which stands for its -infinity.
    `frequency`: Int64, how many orders count.
    `monetary`: the sum of their amounts; 0 where none counts. Exact, as Decimal(38, s), for
        integers (s = 0) and Decimals; Float64 for floats, whose last bit may depend on the order
        of the rows.

    Of a LazyFrame nothing but the schema is read; the plan streams.

    Raises InvalidFrame for missing columns, wrong types, ids that cannot be compared with those of
    `customers`, null or repeated ids, and more than one `as_of` for a customer; InvalidAsOf for an
    `as_of` that is no instant. What only the rows can tell is raised when a LazyFrame is collected.
    A sum of more than 38 digits is an error, never a number that wrapped around.

    >>> orders = pl.DataFrame({
    ...     "customer_id": ["ada", "ada", "bob"],
    ...     "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2025, 1, 5)],
    ...     "amount": [20, 35, 50],
    ...     "status": ["paid", "paid", "Refunded"],
    ... })
    >>> summary = summarize_orders(orders, as_of=date(2025, 1, 31)).sort("customer_id")
    >>> summary.select("customer_id", "recency_days", "frequency", "monetary").rows()
    [('ada', 22, 2, Decimal('55')), ('bob', None, 0, Decimal('0'))]
    """
    names = _Names(customer_id, ordered_at, amount, status)
    moment = (
        as_of
        if isinstance(as_of, pl.Expr)
        else microseconds_since_epoch(as_of, "a datetime, a date or a Polars expression")
    )
    if isinstance(customers, pl.Series):
        customers = customers.to_frame(customer_id)
    if customers is None:
        totals = _totals(_lines(orders, names, moment), moment)
    else:
        totals = _totals_of(customers, orders, names, moment)
    summary = totals.select(_numbers())
    if isinstance(orders, pl.LazyFrame):
        return summary
    return summary.collect(engine="streaming")  # and sums never wrap around


def microseconds_since_epoch(as_of: object, wanted: str = "a datetime or a date") -> int:
    """Return the instant as a number: UTC where it is naive, of a date its midnight UTC."""
    if not isinstance(as_of, date):  # as every datetime is
        raise InvalidAsOf(
            f"as_of is {as_of!r}, not {wanted}; "
            "parse text with datetime.fromisoformat(), say datetime.now(UTC) for the present"
        )
    moment = as_of if isinstance(as_of, datetime) else datetime.combine(as_of, time())
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)


def _lines(
    orders: pl.DataFrame | pl.LazyFrame, names: _Names, moment: pl.Expr | int | None
) -> pl.LazyFrame:
    """Return the orders under names and in types of ours, with `as_of` if it is an expression."""
    schema = _check_orders(orders, names, moment)
    line = [
        pl.col(names.customer_id).alias("customer_id"),
        _microseconds(pl.col(names.ordered_at), schema[names.ordered_at]).alias("ordered_at"),
        _summable(pl.col(names.amount), schema[names.amount]).alias("amount"),
        _has_counted_status(names.status, schema).alias("counts"),
    ]
    as_of = [_as_of(moment, orders)] if isinstance(moment, pl.Expr) else []
    return orders.lazy().select(*line, *as_of)


def _check_orders(
    orders: pl.DataFrame | pl.LazyFrame, names: _Names, moment: pl.Expr | int | None
) -> pl.Schema:
    read = moment.meta.root_names() if isinstance(moment, pl.Expr) else []
    kinds = dict.fromkeys(read, ANYTHING) | {
        names.customer_id: IDENTITY,
        names.ordered_at: INSTANT,
        names.amount: MONEY,
    }
    status = {names.status: TEXT}
    if names.status != "status":  # a name that was asked for has to be there
        kinds |= status
    remedy = 'name yours, for example `customer_id="buyer"`'
    schema = check_columns(orders, "orders", kinds, remedy, optional=status)
    if isinstance(orders, pl.DataFrame):
        refuse(*nameless(orders[names.customer_id], "orders"))
    return schema


def _microseconds(instant: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    number = instant.to_physical().cast(pl.Int64)
    unit = getattr(dtype, "time_unit", "days")  # a Date has no unit, it counts days
    if unit == "ns":
        return number // 1_000
    size = _MICROSECONDS[unit]
    most = _INT64_MAX // size  # what Int64 cannot hold in microseconds is as good as infinite
    return (number.clip(-most, most) * size).clip(lower_bound=_MINUS_INFINITY)


def _summable(amount: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        number = amount.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number)
    if dtype.is_decimal():
        return amount
    wide = dtype in (pl.Int128, pl.UInt128)
    return amount.cast(pl.Decimal(_DECIMAL_DIGITS if wide else _INT64_DIGITS, 0))


def _has_counted_status(name: str, schema: pl.Schema) -> pl.Expr:
    if name not in schema:
        return pl.lit(value=True)
    return ~pl.col(name).cast(pl.String).is_in(_UNCOUNTED).fill_null(value=False)


def _as_of(moment: pl.Expr, frame: pl.DataFrame | pl.LazyFrame) -> pl.Expr:
    dtype = frame.lazy().select(moment.alias("as_of")).collect_schema()["as_of"]
    if not INSTANT.holds(dtype):
        raise InvalidAsOf(f"as_of yields {dtype}, not {INSTANT.wanted}; {INSTANT.remedy}")
    return _microseconds(moment, dtype).alias("as_of")


def _totals(lines: pl.LazyFrame, moment: pl.Expr | int) -> pl.LazyFrame:
    """Return one row per customer of the lines."""
    amount, as_of = pl.col("amount"), pl.col("as_of")
    instant = as_of if isinstance(moment, pl.Expr) else pl.lit(moment, pl.Int64)
    counted = pl.col("counts") & (pl.col("ordered_at") <= instant)
    # an order that does not count keeps its customer, and loses the rest
    counting = lines.with_columns(pl.when(counted).then(pl.col("ordered_at", "amount")))
    sums = [
        pl.col("ordered_at").max().alias("last_order_at"),
        pl.col("ordered_at").count().alias("frequency"),
        amount.sum().alias("monetary"),
        # each of these is as dear as a sum, so they are left out where they can find nothing
        *_ceiling_check(amount, lines.collect_schema()["amount"]),
        *([as_of.max(), (as_of.min() != as_of.max()).alias("torn")] if instant is as_of else []),
    ]
    totals = counting.group_by("customer_id").agg(sums)
    checked = checked_when_collected(totals, _check_totals, streamable=True)
    return checked if instant is as_of else checked.with_columns(as_of=instant)


def _ceiling_check(amount: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """Tell of sums too long for a Decimal, which Polars' in-memory engine wraps around."""
    if isinstance(dtype, pl.Decimal) and dtype.precision + _DIGITS_OF_A_HEIGHT > _DECIMAL_DIGITS:
        ceiling = 10.0 ** (_DECIMAL_DIGITS - dtype.scale)
        yield (amount.cast(pl.Float64).sum().abs() > ceiling).alias("overflowing")


def _check_totals(totals: pl.DataFrame) -> None:
    refuse(*_faults(totals))


def _faults(totals: pl.DataFrame) -> Iterator[str]:
    lost = totals.filter(pl.col("customer_id").is_null())["frequency"]
    if len(lost):  # a lower bound: of those that do not count we know no number
        rows = many(max(1, *lost), "row")
        yield f"at least {rows} of orders without a customer; leave those rows out"
    for flag, (fault, remedy) in _FAULTS.items():
        if flag not in totals.columns:
            continue
        ids = totals.filter(flag)["customer_id"]
        if len(ids):  # a lower bound: the streaming engine shows us one batch of customers
            yield f"at least {many(len(ids), 'customer')} with {fault}: {some(ids)}; {remedy}"


def _totals_of(
    customers: pl.DataFrame | pl.LazyFrame,
    orders: pl.DataFrame | pl.LazyFrame,
    names: _Names,
    moment: pl.Expr | int,
) -> pl.LazyFrame:
    """Return one row per customer of `customers`; only their ids where there is no order."""
    remedy = "the ids go by the name that they have in the orders"
    name = names.customer_id
    schema = check_columns(customers, "customers", {name: IDENTITY}, remedy)
    own = _reads(moment, schema)
    lines = _lines(orders, names, None if own else moment)
    key = _key(lines.collect_schema()["customer_id"], schema[name], name)
    known = pl.col("customer_id").cast(key, strict=False)
    # an id that the type of the customers' cannot hold is none of theirs
    lines = lines.filter(known.is_not_null() | pl.col("customer_id").is_null()).with_columns(known)
    as_of = [_as_of(moment, customers)] if own and isinstance(moment, pl.Expr) else []
    people = _distinct(customers.select(pl.col(name).cast(key).alias("customer_id"), *as_of), name)
    if own:
        lines = lines.join(people, on="customer_id", how="left")
    return people.select("customer_id").join(_totals(lines, moment), on="customer_id", how="left")


def _reads(moment: pl.Expr | int, schema: pl.Schema) -> bool:
    columns = moment.meta.root_names() if isinstance(moment, pl.Expr) else []
    return bool(columns) and all(column in schema for column in columns)


def _key(ordered: pl.DataType, known: pl.DataType, name: str) -> pl.DataType:
    """Return the type in which the ids of orders and customers are compared: the customers'."""
    if known == pl.Null:
        return ordered
    both = (ordered, known)
    alike = ordered in (known, pl.Null) or any(all(map(kind.holds, both)) for kind in (WHOLE, TEXT))
    if not alike:
        refuse(
            f"1 column of unlike types: {name!r} is {ordered} in orders and {known} in customers; "
            "cast one to the other"
        )
    return known


def _distinct(people: pl.DataFrame | pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return the people, once their ids have been checked: a DataFrame's at once."""

    def check(frame: pl.DataFrame) -> None:
        check_ids(frame["customer_id"].alias(name), "customers")

    if isinstance(people, pl.LazyFrame):
        return checked_when_collected(people, check)
    check(people)
    return people.lazy()


def _numbers() -> list[pl.Expr]:
    newest, as_of = pl.col("last_order_at"), pl.col("as_of")
    # days and the rest of a day apart: the difference of two extremes fits no Int64
    days = as_of // DAY - newest // DAY - (as_of % DAY < newest % DAY).cast(pl.Int64)
    return [
        pl.col("customer_id"),
        newest.cast(pl.Datetime("us", "UTC")),
        pl.when(newest >= EARLIEST).then(days).alias("recency_days"),
        pl.col("frequency").cast(pl.Int64).fill_null(0),
        pl.col("monetary").fill_null(0),
    ]
