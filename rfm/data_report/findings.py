"""From the answers to findings: what to tell, with an example and a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rfm._check.wording import first_few
from rfm.data_report.queries import currency_column
from rfm.data_report.structure import Finding
from rfm.orders.rules import UNCOUNTED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rfm.data_report.queries import Question

_LARGE_SHARE: Final = 0.05
_MANY_CUSTOMERS: Final = 100  # of fewer, one has a large share by chance
_SHOWN: Final = 5
_STATUS_WORDS: Final = ("status", "state", "stage")
_LIKE_UNCOUNTED: Final = r"(?i)cancel|refund|return|fail|void|chargeback|declined|expired|abandon"
_REMEDIES: Final = {
    "after_as_of": "a later `as_of` counts them",
    "no_customer": "`drop_null_customers=True` leaves them out",
    "negative_amount": '`refunds="net"` subtracts them from the spend, `refunds="ignore"` leaves '
    "them out",
}
_ORDER: Final = (
    "after_as_of",
    "no_time",
    "other_currency",
    "no_customer",
    "excluded_customer",
    "no_amount",
    "no_order_id",
)


def findings(question: Question, answers: Mapping[str, pl.DataFrame]) -> Iterator[Finding]:
    """Yield what was found, what does not count first."""
    numbers = answers["rows"].row(0, named=True)
    yield from _statuses(question, answers.get("statuses"), numbers["rows"])
    for kind in _ORDER:
        if numbers.get(kind):
            done = kind == "no_customer" and question.rules.drop_null_customers
            yield _simple(kind, numbers, remedy=None if done else _REMEDIES.get(kind))
    yield from _customers(answers["customers"], numbers["rows"])
    yield from _duplicates(answers.get("duplicates"), numbers["rows"])
    yield from _refunds(question, numbers)
    yield from _currencies(question, answers.get("currencies"))
    if numbers["impossible_recency"]:
        yield _simple("impossible_recency", numbers, remedy="correct their times")


def _simple(kind: str, numbers: Mapping[str, Any], *, remedy: str | None) -> Finding:
    return Finding(
        kind=kind,
        count=numbers[kind],
        example=numbers.get(f"{kind} example"),
        remedy=remedy,
    )


def _statuses(question: Question, statuses: pl.DataFrame | None, total: int) -> Iterator[Finding]:
    if statuses is None:
        if total:
            yield _no_status(question, total)
        return
    ordered = statuses.sort("len", "status", descending=[True, False])
    uncounted = ordered.filter(~pl.col("counts"))
    if uncounted.height:
        yield Finding(
            kind="uncounted_status",
            count=int(uncounted["len"].sum()),
            example=_with_numbers(uncounted),
        )
    alike = ordered.filter("counts", pl.col("status").str.contains(_LIKE_UNCOUNTED))
    if alike.height:
        names = [one.strip() for one in alike["status"].head(_SHOWN)]
        yield Finding(
            kind="status_like",
            count=int(alike["len"].sum()),
            example=_with_numbers(alike),
            remedy=f"`uncounted_statuses={list(dict.fromkeys(names))}` leaves them out",
        )


def _no_status(question: Question, rows: int) -> Finding:
    alike = [
        name
        for name in question.schema
        if any(word in name.lower() for word in _STATUS_WORDS) or name.lower() in UNCOUNTED_STATUSES
    ]
    return Finding(
        kind="no_status_column",
        count=rows,
        example=f"{alike[0]!r} looks like a column of statuses" if alike else None,
        remedy=f'name it: `status="{alike[0]}"`' if alike else None,
    )


def _with_numbers(statuses: pl.DataFrame) -> str:
    shown = [f"{one!r}: {number:,}" for one, _, number in statuses.head(_SHOWN).rows()]
    return ", ".join(shown + ["…"] * (statuses.height > _SHOWN))


def _customers(customers: pl.DataFrame, rows: int) -> Iterator[Finding]:
    if customers.schema["customer"] in {pl.String, pl.Categorical}:
        yield from _similar(customers["customer"].cast(pl.String))
    if customers.height < _MANY_CUSTOMERS:
        return
    name, number = customers.sort("len", descending=True).row(0)
    if number >= rows * _LARGE_SHARE:
        yield Finding(
            kind="large_customer",
            count=number,
            example=f"{name!r} has {number / rows:.0%} of all rows",
            remedy="if it is not a customer, `exclude_customers` leaves it out",
        )


def _similar(ids: pl.Series) -> Iterator[Finding]:
    alike = pl.DataFrame({"id": ids, "key": ids.str.strip_chars().str.to_lowercase()}).filter(
        pl.col("key").is_duplicated()
    )
    if alike.height:
        some = alike.sort("key", "id")
        first = some.filter(pl.col("key") == some["key"][0])["id"]
        yield Finding(
            kind="similar_customers",
            count=alike.height,
            example=first_few(first, limit=3),
            remedy="write them alike",
        )


def _duplicates(duplicates: pl.DataFrame | None, rows: int) -> Iterator[Finding]:
    if duplicates is None:
        yield Finding(kind="duplicates_not_checked", count=rows)
        return
    number, customer = duplicates.row(0)
    if number:
        yield Finding(
            kind="duplicate_rows",
            count=number,
            example=f"of customer {customer!r}",
            remedy="remove them if they are the same orders",
        )


def _refunds(question: Question, numbers: Mapping[str, Any]) -> Iterator[Finding]:
    if numbers["negative_amount"]:
        chosen = question.rules.refunds
        yield Finding(
            kind="negative_amount",
            count=numbers["negative_amount"],
            example=f"{numbers['refunded']}: {numbers['refund']}",
            remedy=_REMEDIES["negative_amount"] if chosen == "order" else None,
        )


def _currencies(question: Question, currencies: pl.DataFrame | None) -> Iterator[Finding]:
    known = None if currencies is None else currencies.drop_nulls("currency")
    if known is None or known.height < 2 or question.rules.in_currency:  # noqa: PLR2004
        return
    names = known.sort("len", "currency", descending=[True, False])["currency"]
    column = currency_column(question)
    yield Finding(
        kind="several_currencies",
        count=known.height,
        example=first_few(names),
        remedy=f'`currency="{column}"` with `in_currency="{names[0]}"` selects one, `rates` '
        "converts them",
    )
