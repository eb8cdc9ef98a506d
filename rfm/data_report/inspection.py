"""Orders in, data report out; alone, or with the summary in the same pass over the orders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.doors import as_polars
from rfm.data_report.findings import findings
from rfm.data_report.queries import Question, plans, row_hash
from rfm.data_report.structure import DataReport
from rfm.instants import EPOCH, microseconds_since_epoch
from rfm.orders.lines import check_orders
from rfm.orders.rules import read_options
from rfm.summary import summarize_orders

if TYPE_CHECKING:
    from typing import Unpack

    from rfm._check.doors import AnyFrame
    from rfm.orders.rules import OrderOptions

_MAX_ROWS_FOR_DUPLICATES: Final = 20_000_000  # 8 bytes for each, and a copy while they are sorted


def inspect(
    orders: AnyFrame, *, as_of: datetime | date, **options: Unpack[OrderOptions]
) -> DataReport:
    """Find what is unusual in orders: what does not count, and what may be wrong.

    orders: as `rfm.summarize_orders` takes them; null customers are counted, and no error.
    as_of: the instant of the scores: a datetime (UTC if it is naive) or a date (its midnight UTC).
    options: as for `rfm.summarize_orders`.

    Rows that repeat another one exactly are looked for in up to 20 million rows. A LazyFrame is
    collected, on the streaming engine: once for its number of rows, once for the findings.

    Raises InvalidFrame for missing columns and wrong types, InvalidAsOf for an `as_of` that is not
    an instant, InvalidArgument for rules that contradict each other, and TypeError for an unknown
    keyword.

    >>> orders = pl.DataFrame({
    ...     "customer_id": ["ada", "Ada", "bob"],
    ...     "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2025, 1, 5)],
    ...     "amount": [20, 35, -50],
    ...     "status": ["paid", "paid", "Refunded"],
    ... })
    >>> print(inspect(orders, as_of=date(2025, 1, 31)))
    3 rows read, 2 counted, 3 customers
      - 1 row not counted because of the status ('Refunded': 1)
      - 2 customers that differ by case or blanks only ('Ada', 'ada'); write them alike
      - 1 row with a negative amount (bob: -50); `refunds="net"` subtracts them from the spend, \
`refunds="ignore"` leaves them out
    """
    frame = as_polars(orders, "orders")
    question = _question(frame, as_of, options)
    rows = frame.lazy().select(pl.len()).collect(engine="streaming").item()
    asked = plans(frame.lazy(), question, duplicates=rows <= _MAX_ROWS_FOR_DUPLICATES)
    answers = pl.collect_all(asked.values(), engine="streaming")
    return _report(frame.lazy(), question, dict(zip(asked, answers, strict=True)))


def summarize_and_inspect(
    orders: pl.LazyFrame,
    *,
    as_of: datetime | date,
    duplicates: bool = True,
    **options: Unpack[OrderOptions],
) -> tuple[pl.DataFrame, DataReport]:
    """Return the summary of orders and their data report; both read the orders once, together.

    duplicates: whether to look for repeated rows, which takes 16 bytes of memory for each row.

    Raises what `rfm.summarize_orders` raises.
    """
    summary = summarize_orders(orders, as_of=as_of, **options)
    question = _question(orders, as_of, options)
    asked = plans(orders, question, duplicates=duplicates)
    answers = pl.collect_all([summary, *asked.values()], engine="streaming")
    return answers[0], _report(orders, question, dict(zip(asked, answers[1:], strict=True)))


def _question(
    orders: pl.DataFrame | pl.LazyFrame, as_of: datetime | date, options: OrderOptions
) -> Question:
    names, rules = read_options(options)
    schema = check_orders(orders, names, rules, ids=False)
    return Question(names, rules, schema, microseconds_since_epoch(as_of))


def _report(
    orders: pl.LazyFrame, question: Question, answers: dict[str, pl.DataFrame]
) -> DataReport:
    numbers = answers["rows"].row(0, named=True)
    if "duplicates" in answers:
        answers["duplicates"] = _duplicates(orders, question, answers["duplicates"]["row"].sort())
    return DataReport(
        as_of=(EPOCH + timedelta(microseconds=question.as_of)).astimezone(UTC),
        rows=numbers["rows"],
        counted=numbers["counted"],
        customers=answers["customers"].height,
        findings=tuple(findings(question, answers)),
    )


def _duplicates(orders: pl.LazyFrame, question: Question, rows: pl.Series) -> pl.DataFrame:
    """Count the repeated rows by their sorted hashes; only if there are some, look for one."""
    repeated = rows.filter(rows == rows.shift())
    customer: object = None
    if len(repeated):
        same = row_hash(question.schema) == repeated[0]
        found = orders.filter(same).select(question.names.customer_id).head(1)
        customer = found.collect(engine="streaming").item()
    return pl.DataFrame({"count": [len(repeated)], "customer": [customer]}, strict=False)
