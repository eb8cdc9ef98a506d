"""The caller's orders as lines with standard names and types, and whether each line counts."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.frames import check_columns, checked_when_collected, null_id_problems
from rfm._check.kinds import ANYTHING, IDENTITY, INSTANT, MONEY, TEXT, raise_problems
from rfm._check.wording import first_few
from rfm.instants import as_of_column, microseconds
from rfm.orders.rates import rate_column
from rfm.orders.rules import NO_RULES, UNCOUNTED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rfm.columns import OrderColumns
    from rfm.orders.rules import OrderRules

DECIMAL_DIGITS: Final = 38
_INT64_DIGITS: Final = 20  # of an unsigned one
# All ways to write the statuses in upper and lower case. Looking them up takes a third of the time
# of a regular expression, a sixth of to_lowercase().
_UNCOUNTED: Final = pl.Series(
    "".join(letters)
    for status in UNCOUNTED_STATUSES
    for letters in product(*zip(status, status.upper(), strict=True))
).implode()


def checked_lines(
    orders: pl.DataFrame | pl.LazyFrame,
    names: OrderColumns,
    rules: OrderRules,
    as_of: pl.Expr | int | None,
) -> pl.LazyFrame:
    """Return the lines that have a customer who is not left out.

    Their columns: `customer_id`, `ordered_at` (microseconds), `amount` (Decimal or Float64),
    `counts` (whatever the time), `as_of` if it is an expression, `order_id` and `currency` if the
    rules name them.
    """
    schema = check_orders(orders, names, rules, as_of)
    standard = [
        pl.col(names.customer_id).alias("customer_id"),
        microseconds(pl.col(names.ordered_at), schema[names.ordered_at]).alias("ordered_at"),
        _amount(names, rules, schema).alias("amount"),
        counted_status(names.status, rules, schema).alias("counts"),
    ]
    named = {"order_id": rules.order_id, "currency": rules.currency}
    extra = [pl.col(column).alias(name) for name, column in named.items() if column]
    instants = [as_of_column(as_of, orders)] if isinstance(as_of, pl.Expr) else []
    kept = _kept(orders.lazy(), names.customer_id, rules, schema)
    return _in_one_currency(kept.select(*standard, *extra, *instants), rules)


def check_orders(
    orders: pl.DataFrame | pl.LazyFrame,
    names: OrderColumns,
    rules: OrderRules = NO_RULES,
    as_of: pl.Expr | int | None = None,
    *,
    ids: bool = True,
) -> pl.Schema:
    """Return the schema of the orders; raise InvalidFrame if they cannot be summarized.

    ids: whether a null customer in a DataFrame is an error.
    """
    used_by_as_of = as_of.meta.root_names() if isinstance(as_of, pl.Expr) else []
    required = dict.fromkeys([*used_by_as_of], ANYTHING) | {
        names.customer_id: IDENTITY,
        names.ordered_at: INSTANT,
        names.amount: MONEY,
    }
    kinds = {rules.order_id: IDENTITY, rules.quantity: MONEY, rules.currency: TEXT}
    required |= {name: kind for name, kind in kinds.items() if name}
    status = {names.status: TEXT}
    if names.status != "status":  # a column that the caller named must exist
        required |= status
    remedy = 'name yours, for example `customer_id="buyer"`'
    schema = check_columns(orders, "orders", required, remedy, optional=status)
    if ids and isinstance(orders, pl.DataFrame) and not rules.drop_null_customers:
        raise_problems(*null_id_problems(orders[names.customer_id], "orders"))
    return schema


def counted_status(name: str, rules: OrderRules, schema: pl.Schema) -> pl.Expr:
    """Return whether the status of each row counts. A null status counts."""
    if name not in schema:
        return pl.lit(value=True)
    status = pl.col(name).cast(pl.String)
    if not rules.uncounted_statuses:
        return ~status.is_in(_UNCOUNTED).fill_null(value=False)
    more = (one.strip().lower() for one in rules.uncounted_statuses)
    uncounted = pl.Series([*UNCOUNTED_STATUSES, *more], dtype=pl.String).implode()
    return ~status.str.strip_chars().str.to_lowercase().is_in(uncounted).fill_null(value=False)


def no_customer(name: str, schema: pl.Schema) -> pl.Expr:
    """Return whether the customer of each row is null or blank."""
    customer = pl.col(name)
    if not TEXT.holds(schema[name]):
        return customer.is_null()
    return customer.cast(pl.String).str.strip_chars().fill_null("") == ""


def excluded_ids(rules: OrderRules, dtype: pl.DataType) -> pl.Series:
    """Return the excluded customers in the type of the orders' ids; those that do not fit go."""
    given = rules.exclude_customers
    ids = given if isinstance(given, pl.Series) else pl.Series(list(given or ()), strict=False)
    return ids.cast(dtype, strict=False).drop_nulls().unique().alias("customer_id")


def _kept(orders: pl.LazyFrame, name: str, rules: OrderRules, schema: pl.Schema) -> pl.LazyFrame:
    if rules.drop_null_customers:
        orders = orders.filter(~no_customer(name, schema))
    if rules.exclude_customers is not None:
        left_out = excluded_ids(rules, schema[name]).to_frame().lazy()
        orders = orders.join(left_out, left_on=name, right_on="customer_id", how="anti")
    return orders


def _amount(names: OrderColumns, rules: OrderRules, schema: pl.Schema) -> pl.Expr:
    amount, dtype = _summable(pl.col(names.amount), schema[names.amount])
    if rules.quantity is None:
        return amount
    quantity, other = _summable(pl.col(rules.quantity), schema[rules.quantity])
    return _product(amount, dtype, quantity, other)


def _summable(amount: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.DataType]:
    if dtype.is_float():
        number = amount.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number), pl.Float64()
    if dtype.is_decimal():
        return amount, dtype
    wide = dtype in (pl.Int128, pl.UInt128)
    whole = pl.Decimal(DECIMAL_DIGITS if wide else _INT64_DIGITS, 0)
    return amount.cast(whole), whole


def _product(one: pl.Expr, dtype: pl.DataType, other: pl.Expr, other_dtype: pl.DataType) -> pl.Expr:
    """Multiply two columns; the product of two Decimals is exact, or an error."""
    if not (isinstance(dtype, pl.Decimal) and isinstance(other_dtype, pl.Decimal)):
        return one.cast(pl.Float64) * other.cast(pl.Float64)
    scale = dtype.scale + other_dtype.scale
    if scale > DECIMAL_DIGITS:
        raise_problems(
            f"a product of {scale} decimal places, and {DECIMAL_DIGITS} are possible; "
            "cast both columns to fewer, for example to pl.Decimal(38, 6)"
        )
    wide = pl.Decimal(DECIMAL_DIGITS, scale)  # Polars rounds a product to the larger scale
    return one.cast(wide) * other.cast(wide)


def _in_one_currency(lines: pl.LazyFrame, rules: OrderRules) -> pl.LazyFrame:
    if rules.currency is None:
        return lines
    lines = lines.with_columns(pl.col("currency").cast(pl.String).str.strip_chars())
    if rules.in_currency is None:
        return checked_when_collected(lines, _OneCurrency(), streamable=True).drop("currency")
    if rules.rates is None:
        same = (pl.col("currency") == rules.in_currency).fill_null(value=False)
        return lines.with_columns(pl.col("counts") & same).drop("currency")
    rate, dtype = rate_column(rules.rates, rules.in_currency)
    amount = _product(pl.col("amount"), lines.collect_schema()["amount"], pl.col("rate"), dtype)
    known = pl.col("currency").is_not_null()
    return (
        lines.with_columns(rate=rate)
        .with_columns(amount.alias("amount"), pl.col("counts") & known)
        .drop("currency", "rate")
    )


class _OneCurrency:
    """Raises InvalidFrame at the second currency. Batches come in parallel; a set does not mind."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def __call__(self, lines: pl.DataFrame) -> None:
        self.found.update(lines["currency"].drop_nulls().unique())
        raise_problems(*_several(self.found))


def _several(currencies: Iterable[str]) -> Iterator[str]:
    found = sorted(currencies)
    if len(found) > 1:
        yield (
            f"several currencies in one column of amounts: {first_few(found)}; select one with "
            f'`in_currency="{found[0]}"`, or pass `rates`'
        )
