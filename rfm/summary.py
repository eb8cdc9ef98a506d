"""From orders to three numbers per customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, overload

import polars as pl

from rfm._check.doors import as_customers, as_polars
from rfm._check.frames import check_columns, check_ids, checked_when_collected
from rfm._check.kinds import IDENTITY, TEXT, WHOLE, raise_problems
from rfm._check.wording import count, first_few
from rfm.instants import (
    EARLIEST,
    as_of_column,
    microseconds_since_epoch,
    whole_days,
)
from rfm.orders.lines import DECIMAL_DIGITS, checked_lines
from rfm.orders.rules import read_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from typing import Unpack

    from rfm._check.doors import AnyFrame, ArrowStream
    from rfm.columns import OrderColumns
    from rfm.orders.rules import OrderOptions, OrderRules

_ROW_COUNT_DIGITS: Final = 18  # no frame has more than 10**18 rows
_PROBLEM_FLAGS: Final = {
    "several_as_of": ("more than one as_of", "give each one instant, for example with .over()"),
    "overflows": ("a spend of more than 38 digits", "cast the amounts to pl.Float64"),
}


@overload
def summarize_orders(
    orders: pl.LazyFrame,
    *,
    as_of: datetime | date | pl.Expr,
    customers: AnyFrame | None = None,
    **options: Unpack[OrderOptions],
) -> pl.LazyFrame: ...
@overload
def summarize_orders(
    orders: ArrowStream,
    *,
    as_of: datetime | date | pl.Expr,
    customers: AnyFrame | None = None,
    **options: Unpack[OrderOptions],
) -> pl.DataFrame: ...
@overload
def summarize_orders(
    orders: AnyFrame,
    *,
    as_of: datetime | date | pl.Expr,
    customers: AnyFrame | None = None,
    **options: Unpack[OrderOptions],
) -> pl.DataFrame | pl.LazyFrame: ...
def summarize_orders(
    orders: AnyFrame,
    *,
    as_of: datetime | date | pl.Expr,
    customers: AnyFrame | None = None,
    **options: Unpack[OrderOptions],
) -> pl.DataFrame | pl.LazyFrame:
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
    options: other names for the four columns of the orders, for example `customer_id="buyer"`, and
        the rules of `OrderRules`: `order_id`, `quantity`, `currency`, `in_currency`, `rates`,
        `uncounted_statuses`, `refunds`, `drop_null_customers`, `exclude_customers`.

    An order counts if `ordered_at <= as_of` and its status, in any case, is not one of
    UNCOUNTED_STATUSES. A null status counts, a null `ordered_at` does not. `rfm.inspect` tells how
    many orders do not count, and why.

    Another library's frame that has `__arrow_c_stream__` (pandas, PyArrow, a DuckDB relation) is
    accepted where a DataFrame is, for `orders` and for `customers`.

    Returns a LazyFrame for a LazyFrame, and otherwise a DataFrame; the order of its rows is
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
    for an `as_of` that is not an instant, InvalidArgument for rules that contradict each other, and
    TypeError for an unknown keyword. Problems in the
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
    names, rules = read_options(options)
    instant = (
        as_of
        if isinstance(as_of, pl.Expr)
        else microseconds_since_epoch(as_of, "a datetime, a date or a Polars expression")
    )
    frame = as_polars(orders, "orders")
    if customers is None:
        totals = _totals(checked_lines(frame, names, rules, instant), instant, rules)
    else:
        people = as_customers(customers, names.customer_id)
        totals = _totals_of_customers(people, frame, names, rules, instant)
    summary = totals.select(_summary_columns())
    if isinstance(frame, pl.LazyFrame):
        return summary
    return summary.collect(engine="streaming")  # whose sums never wrap around


def _totals(lines: pl.LazyFrame, as_of: pl.Expr | int, rules: OrderRules) -> pl.LazyFrame:
    """Return one row per customer of the checked lines, with `as_of`."""
    amount = pl.col("amount")
    per_customer = isinstance(as_of, pl.Expr)
    instant = pl.col("as_of") if per_customer else pl.lit(as_of, pl.Int64)
    counted = pl.col("counts") & (pl.col("ordered_at") <= instant)
    # A line that does not count still names a customer, so it loses only its values.
    orders = lines.with_columns(pl.when(counted).then(pl.col("ordered_at", "amount")))
    if rules.order_id:
        orders = _orders_of_lines(orders, per_customer=per_customer)
    orders = _without_refunds(orders, rules)
    sums = [
        pl.col("ordered_at").max().alias("last_order_at"),
        pl.col("ordered_at").count().alias("frequency"),
        amount.sum().alias("monetary"),
        # Each check is as expensive as a sum, so those that cannot fail are left out.
        *_overflow_check(amount, orders.collect_schema()["amount"]),
        *(_as_of_checks(instant) if per_customer else []),
    ]
    totals = orders.group_by("customer_id").agg(sums)
    checked = checked_when_collected(totals, _check_totals, streamable=True)
    return checked if per_customer else checked.with_columns(as_of=instant)


def _orders_of_lines(lines: pl.LazyFrame, *, per_customer: bool) -> pl.LazyFrame:
    """Add up the lines of each order; a line without a number is an order of its own."""
    keys = ["customer_id", *(["as_of"] if per_customer else [])]
    numbered = lines.filter(pl.col("order_id").is_not_null())
    orders = numbered.group_by(*keys, "order_id").agg(pl.max("ordered_at"), pl.sum("amount"))
    alone = lines.filter(pl.col("order_id").is_null())
    columns = [*keys, "ordered_at", pl.col("amount").cast(orders.collect_schema()["amount"])]
    return pl.concat([orders.select(*keys, "ordered_at", "amount"), alone.select(columns)])


def _without_refunds(orders: pl.LazyFrame, rules: OrderRules) -> pl.LazyFrame:
    """Take from each refund what it may not change: its time, or its time and its amount."""
    if rules.refunds == "order":
        return orders
    lost = ["ordered_at"] if rules.refunds == "net" else ["ordered_at", "amount"]
    kept = (pl.col("amount") < 0).fill_null(value=False).not_()
    return orders.with_columns(pl.when(kept).then(pl.col(lost)))


def _as_of_checks(as_of: pl.Expr) -> list[pl.Expr]:
    return [as_of.max(), (as_of.min() != as_of.max()).alias("several_as_of")]


def _overflow_check(amount: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """Flag sums too long for a Decimal, because Polars' in-memory engine wraps them around."""
    if isinstance(dtype, pl.Decimal) and dtype.precision + _ROW_COUNT_DIGITS > DECIMAL_DIGITS:
        ceiling = 10.0 ** (DECIMAL_DIGITS - dtype.scale)
        yield (amount.cast(pl.Float64).sum().abs() > ceiling).alias("overflows")


def _check_totals(totals: pl.DataFrame) -> None:
    raise_problems(*_total_problems(totals))


def _total_problems(totals: pl.DataFrame) -> Iterator[str]:
    without_id = totals.filter(pl.col("customer_id").is_null())["frequency"]
    if len(without_id):  # "at least": rows that do not count are not in the frequency
        rows = count(max(1, *without_id), "row")
        yield (
            f"at least {rows} of orders without a customer; leave those rows out with "
            "`drop_null_customers=True`"
        )
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
    rules: OrderRules,
    as_of: pl.Expr | int,
) -> pl.LazyFrame:
    """Return one row per customer of `customers`; all but the id is null if they have no order."""
    remedy = "the column of ids has the same name as in the orders"
    name = names.customer_id
    schema = check_columns(customers, "customers", {name: IDENTITY}, remedy)
    own_instants = _has_columns_of(as_of, schema)
    lines = checked_lines(orders, names, rules, None if own_instants else as_of)
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
    return people.select("customer_id").join(
        _totals(lines, as_of, rules), on="customer_id", how="left"
    )


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
