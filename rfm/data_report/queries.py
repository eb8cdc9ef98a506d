"""The questions to the orders, as plans that are collected together."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from rfm.instants import DAY, microseconds
from rfm.orders.lines import counted_status, excluded_ids, no_customer

if TYPE_CHECKING:
    from rfm.columns import OrderColumns
    from rfm.orders.rules import OrderRules

IMPOSSIBLE_DAYS: Final = 50 * 365
"""No customer's newest order is as old."""


class Question(NamedTuple):
    """What is asked of which orders.

    schema: the columns of the orders. as_of: in microseconds.
    """

    names: OrderColumns
    rules: OrderRules
    schema: pl.Schema
    as_of: int


def plans(orders: pl.LazyFrame, question: Question, *, duplicates: bool) -> dict[str, pl.LazyFrame]:
    """Return one plan for each question, by name."""
    names, rules, schema, _ = question
    found = orders.with_columns(flag.alias(f"is {name}") for name, flag in _flags(question).items())
    nobody = "is no_customer" if rules.drop_null_customers else "is null_customer"
    customers = found.filter(~pl.col(nobody) & ~pl.col("is excluded_customer"))
    asked = {
        "rows": found.select(_numbers(question)),
        "customers": customers.group_by(pl.col(names.customer_id).alias("customer")).agg(pl.len()),
    }
    if names.status in schema:
        status = pl.col(names.status).cast(pl.String).alias("status")
        counts = pl.col("is counted_status").alias("counts")
        asked["statuses"] = (
            orders.with_columns(
                counted_status(names.status, rules, schema).alias("is counted_status")
            )
            .group_by(status, counts)
            .agg(pl.len())
        )
    currency = currency_column(question)
    if currency:
        asked["currencies"] = orders.group_by(pl.col(currency).alias("currency")).agg(pl.len())
    if duplicates and not any(dtype.is_nested() or dtype.is_object() for dtype in schema.values()):
        # Sorted later: that takes a third of the time of a group-by.
        asked["duplicates"] = orders.select(row_hash(schema).alias("row"))
    return asked


def currency_column(question: Question) -> str | None:
    """Return the column of currencies: the named one, or a text column that is called so."""
    named = question.rules.currency
    if named is None and question.schema.get("currency") == pl.String:
        return "currency"
    return named


def row_hash(schema: pl.Schema) -> pl.Expr:
    """Return a number for each row: equal for equal rows, and hardly ever for others."""
    return reduce(xor, (pl.col(name).hash(seed=seed) for seed, name in enumerate(schema)))


def _flags(question: Question) -> dict[str, pl.Expr]:
    """Return for each row why it does not count, and what is unusual in it."""
    names, rules, schema, as_of = question
    moment = microseconds(pl.col(names.ordered_at), schema[names.ordered_at])
    amount = pl.col(names.amount)
    customer = pl.col(names.customer_id)
    excluded = excluded_ids(rules, schema[names.customer_id]).implode()
    other = pl.lit(value=False)
    if rules.currency and rules.in_currency:
        text = pl.col(rules.currency).cast(pl.String).str.strip_chars()
        other = text.is_null() if rules.rates is not None else text.ne_missing(rules.in_currency)
    return {
        "uncounted_status": ~counted_status(names.status, rules, schema),
        "after_as_of": (moment > as_of).fill_null(value=False),
        "no_time": moment.is_null(),
        "other_currency": other,
        "no_customer": no_customer(names.customer_id, schema),
        "null_customer": customer.is_null(),
        "excluded_customer": customer.is_in(excluded).fill_null(value=False),
        "no_amount": amount.is_null(),
        "negative_amount": (_value(question) < 0).fill_null(value=False),
        "impossible_recency": (moment < as_of - IMPOSSIBLE_DAYS * DAY).fill_null(value=False),
    }


def _value(question: Question) -> pl.Expr:
    amount, quantity = pl.col(question.names.amount), question.rules.quantity
    return amount if quantity is None else amount * pl.col(quantity)


def _numbers(question: Question) -> list[pl.Expr]:
    names, rules, _, _ = question
    kinds = list(_flags(question))
    reasons = ["uncounted_status", "after_as_of", "no_time", "other_currency", "excluded_customer"]
    if rules.drop_null_customers:
        reasons.append("no_customer")
    if rules.refunds == "ignore":
        reasons.append("negative_amount")
    example = {
        "after_as_of": pl.col(names.ordered_at).max(),
        "impossible_recency": pl.col(names.ordered_at).min(),
    }
    negative = pl.col("is negative_amount")
    numbers = [
        pl.len().alias("rows"),
        (~pl.any_horizontal(pl.col(f"is {reason}") for reason in reasons)).sum().alias("counted"),
        *(pl.col(f"is {kind}").sum().alias(kind) for kind in kinds),
        *(value.cast(pl.String).alias(f"{kind} example") for kind, value in example.items()),
        pl.col(names.customer_id).filter(negative).first().cast(pl.String).alias("refunded"),
        _value(question).filter(negative).first().cast(pl.String).alias("refund"),
    ]
    if rules.order_id:
        numbers.append(pl.col(rules.order_id).is_null().sum().alias("no_order_id"))
    return numbers
