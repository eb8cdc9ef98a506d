"""From orders to three numbers per customer."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.frames import (
    Frame,
    check_columns,
    check_ids,
    checked_when_collected,
    null_id_problems,
)
from rfm._check.kinds import ANYTHING, IDENTITY, INSTANT, MONEY, TEXT, WHOLE, raise_problems
from rfm._check.wording import count, first_few
from rfm.columns import OrderColumns
from rfm.instants import (
    EARLIEST,
    as_of_column,
    microseconds,
    microseconds_since_epoch,
    whole_days,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from typing import Unpack

    from rfm.columns import ColumnNames

UNCOUNTED_STATUSES: Final = ("cancelled", "canceled", "refunded", "failed", "void")
"""An order with one of these statuses, in any case, does not count."""

_DECIMAL_DIGITS: Final = 38
_INT64_DIGITS: Final = 20  # of an unsigned one
_ROW_COUNT_DIGITS: Final = 18  # no frame has more than 10**18 rows
# All ways to write the statuses in upper and lower case. Looking them up takes a third of the time
# of a regular expression, a sixth of to_lowercase().
_UNCOUNTED: Final = pl.Series(
    "".join(letters)
    for status in UNCOUNTED_STATUSES
    for letters in product(*zip(status, status.upper(), strict=True))
).implode()
_PROBLEM_FLAGS: Final = {
    "several_as_of": ("more than one as_of", "give each one instant, for example with .over()"),
    "overflows": ("a spend of more than 38 digits", "cast the amounts to pl.Float64"),
}


def summarize_orders(
    orders: Frame,
    *,
    as_of: datetime | date | pl.Expr,
    customers: pl.DataFrame | pl.LazyFrame | pl.Series | None = None,
    **columns: Unpack[ColumnNames],
) -> Frame:
    """Summarize orders as one row per customer.

    orders: one row per order, with these columns:
        `customer_id`: integers, text or another flat type, but not floats; no nulls.
        `ordered_at`: Date (its midnight UTC) or Datetime (UTC if it is naive). Compared in
            microseconds, as in PostgreSQL: nanoseconds are cut off.
        `amount`: integer, Decimal or float, in the currency's main unit. A null, NaN or infinite
            amount adds 0.
        `status`: text; the column may be missing.
    as_of: the instant for which the numbers are true: a datetime (UTC if it is naive), a date (its
        midnight UTC), or an expression. An expression is evaluated on `customers` if that has all
        its columns; otherwise on the orders, where it must return one instant per customer. If it
        is null, no order counts.
    customers: the customers of the result, also those without an order: a frame with the column
        `customer_id`, or a Series; no nulls, no repetitions. By default, all customers of the
        orders.
    columns: other names for the four columns of the orders, for example `customer_id="buyer"`.

    An order counts if `ordered_at <= as_of` and its status, in any case, is not one of
    UNCOUNTED_STATUSES. A null status counts, a null `ordered_at` does not.

    Returns a DataFrame for a DataFrame and a LazyFrame for a LazyFrame; the order of its rows is
    undefined:

    `customer_id`: as in `customers`, or else as in the orders.
    `last_order_at`: Datetime("us", "UTC"), the newest counted order; null if none counts.
    `recency_days`: Int64, whole 24-hour days from there to `as_of`, rounded down. Null if no order
        counts, or if the newest one is before 4713-11-24 BC, PostgreSQL's earliest instant: such
        an instant stands for -infinity.
    `frequency`: Int64, the number of counted orders.
    `monetary`: the sum of their amounts; 0 if none counts. Integers and Decimals give an exact
        Decimal(38, s), with s = 0 for integers; floats give Float64, whose last bit may depend on
        the order of the rows.

    Of a LazyFrame only the schema is read, and the plan can stream.

    Raises InvalidFrame for missing columns, wrong types, ids that cannot be compared with those of
    `customers`, null or repeated ids, and more than one `as_of` for a customer. Raises InvalidAsOf
    for an `as_of` that is not an instant, and TypeError for an unknown keyword. Problems in the
    rows of a LazyFrame are raised when it is collected. A sum of more than 38 digits is an error;
    it never wraps around.

    >>> from datetime import date
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
    names = OrderColumns.named(**columns)
    instant = (
        as_of
        if isinstance(as_of, pl.Expr)
        else microseconds_since_epoch(as_of, "a datetime, a date or a Polars expression")
    )
    if isinstance(customers, pl.Series):
        customers = customers.to_frame(names.customer_id)
    if customers is None:
        totals = _totals(_checked_orders(orders, names, instant), instant)
    else:
        totals = _totals_of_customers(customers, orders, names, instant)
    summary = totals.select(_summary_columns())
    if isinstance(orders, pl.LazyFrame):
        return summary
    return summary.collect(engine="streaming")  # whose sums never wrap around


def _checked_orders(
    orders: pl.DataFrame | pl.LazyFrame, names: OrderColumns, as_of: pl.Expr | int | None
) -> pl.LazyFrame:
    """Return the orders with standard names and types, and with `as_of` if it is an expression."""
    schema = check_orders(orders, names, as_of)
    standard = [
        pl.col(names.customer_id).alias("customer_id"),
        microseconds(pl.col(names.ordered_at), schema[names.ordered_at]).alias("ordered_at"),
        _summable(pl.col(names.amount), schema[names.amount]).alias("amount"),
        _has_counted_status(names.status, schema).alias("counts"),
    ]
    instants = [as_of_column(as_of, orders)] if isinstance(as_of, pl.Expr) else []
    return orders.lazy().select(*standard, *instants)


def check_orders(
    orders: pl.DataFrame | pl.LazyFrame, names: OrderColumns, as_of: pl.Expr | int | None = None
) -> pl.Schema:
    """Return the schema of the orders, or raise InvalidFrame; a LazyFrame's ids are not checked."""
    used_by_as_of = as_of.meta.root_names() if isinstance(as_of, pl.Expr) else []
    required = dict.fromkeys(used_by_as_of, ANYTHING) | {
        names.customer_id: IDENTITY,
        names.ordered_at: INSTANT,
        names.amount: MONEY,
    }
    status = {names.status: TEXT}
    if names.status != "status":  # a column that the caller named must exist
        required |= status
    remedy = 'name yours, for example `customer_id="buyer"`'
    schema = check_columns(orders, "orders", required, remedy, optional=status)
    if isinstance(orders, pl.DataFrame):
        raise_problems(*null_id_problems(orders[names.customer_id], "orders"))
    return schema


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


def _totals(orders: pl.LazyFrame, as_of: pl.Expr | int) -> pl.LazyFrame:
    """Return one row per customer of the checked orders, with `as_of`."""
    amount = pl.col("amount")
    per_customer = isinstance(as_of, pl.Expr)
    instant = pl.col("as_of") if per_customer else pl.lit(as_of, pl.Int64)
    counted = pl.col("counts") & (pl.col("ordered_at") <= instant)
    # An order that does not count still names a customer, so it loses only its values.
    counted_orders = orders.with_columns(pl.when(counted).then(pl.col("ordered_at", "amount")))
    sums = [
        pl.col("ordered_at").max().alias("last_order_at"),
        pl.col("ordered_at").count().alias("frequency"),
        amount.sum().alias("monetary"),
        # Each check is as expensive as a sum, so those that cannot fail are left out.
        *_overflow_check(amount, orders.collect_schema()["amount"]),
        *(_as_of_checks(instant) if per_customer else []),
    ]
    totals = counted_orders.group_by("customer_id").agg(sums)
    checked = checked_when_collected(totals, _check_totals, streamable=True)
    return checked if per_customer else checked.with_columns(as_of=instant)


def _as_of_checks(as_of: pl.Expr) -> list[pl.Expr]:
    return [as_of.max(), (as_of.min() != as_of.max()).alias("several_as_of")]


def _overflow_check(amount: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """Flag sums too long for a Decimal, because Polars' in-memory engine wraps them around."""
    if isinstance(dtype, pl.Decimal) and dtype.precision + _ROW_COUNT_DIGITS > _DECIMAL_DIGITS:
        ceiling = 10.0 ** (_DECIMAL_DIGITS - dtype.scale)
        yield (amount.cast(pl.Float64).sum().abs() > ceiling).alias("overflows")


def _check_totals(totals: pl.DataFrame) -> None:
    raise_problems(*_total_problems(totals))


def _total_problems(totals: pl.DataFrame) -> Iterator[str]:
    without_id = totals.filter(pl.col("customer_id").is_null())["frequency"]
    if len(without_id):  # "at least": rows that do not count are not in the frequency
        rows = count(max(1, *without_id), "row")
        yield f"at least {rows} of orders without a customer; leave those rows out"
    for flag, (problem, remedy) in _PROBLEM_FLAGS.items():
        if flag not in totals.columns:
            continue
        ids = totals.filter(flag)["customer_id"]
        if len(ids):  # "at least": the streaming engine checks one batch of customers at a time
            customers = count(len(ids), "customer")
            yield f"at least {customers} with {problem}: {first_few(ids)}; {remedy}"


def _totals_of_customers(
    customers: pl.DataFrame | pl.LazyFrame,
    orders: pl.DataFrame | pl.LazyFrame,
    names: OrderColumns,
    as_of: pl.Expr | int,
) -> pl.LazyFrame:
    """Return one row per customer of `customers`; all but the id is null if they have no order."""
    remedy = "the column of ids has the same name as in the orders"
    name = names.customer_id
    schema = check_columns(customers, "customers", {name: IDENTITY}, remedy)
    own_instants = _has_columns_of(as_of, schema)
    lines = _checked_orders(orders, names, None if own_instants else as_of)
    key = _key_type(lines.collect_schema()["customer_id"], schema[name], name)
    known = pl.col("customer_id").cast(key, strict=False)
    # An id that does not fit the type of the customers' ids belongs to none of them.
    lines = lines.filter(known.is_not_null() | pl.col("customer_id").is_null()).with_columns(known)
    instants = (
        [as_of_column(as_of, customers)] if own_instants and isinstance(as_of, pl.Expr) else []
    )
    ids = pl.col(name).cast(key).alias("customer_id")
    people = _checked_customers(customers.select(ids, *instants), name)
    if own_instants:
        lines = lines.join(people, on="customer_id", how="left")
    return people.select("customer_id").join(_totals(lines, as_of), on="customer_id", how="left")


def _has_columns_of(as_of: pl.Expr | int, schema: pl.Schema) -> bool:
    columns = as_of.meta.root_names() if isinstance(as_of, pl.Expr) else []
    return bool(columns) and all(column in schema for column in columns)


def _key_type(ordered: pl.DataType, known: pl.DataType, name: str) -> pl.DataType:
    """Return the type in which ids of orders and customers are compared: the customers' type."""
    if known == pl.Null:
        return ordered
    both = (ordered, known)
    comparable = ordered in (known, pl.Null) or any(
        all(map(kind.holds, both)) for kind in (WHOLE, TEXT)
    )
    if not comparable:
        raise_problems(
            f"1 column with two types: {name!r} is {ordered} in orders and {known} in customers; "
            "cast one to the other"
        )
    return known


def _checked_customers(people: pl.DataFrame | pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return the customers with their ids checked: of a DataFrame at once, else when collected."""

    def check(frame: pl.DataFrame) -> None:
        check_ids(frame["customer_id"].alias(name), "customers")

    if isinstance(people, pl.LazyFrame):
        return checked_when_collected(people, check)
    check(people)
    return people.lazy()


def _summary_columns() -> list[pl.Expr]:
    newest = pl.col("last_order_at")
    days = whole_days(newest, pl.col("as_of"))
    return [
        pl.col("customer_id"),
        newest.cast(pl.Datetime("us", "UTC")),
        pl.when(newest >= EARLIEST).then(days).alias("recency_days"),
        pl.col("frequency").cast(pl.Int64).fill_null(0),
        pl.col("monetary").fill_null(0),
    ]
