"""`rfm score`: files of orders in, a file of scores out."""

import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final

import polars as pl
import typer

import rfm
from rfm._check.wording import count, first_few
from rfm.cli import options
from rfm.cli import orders as order_options
from rfm.cli.output import print_json, print_message, print_report, print_table, progress
from rfm.columns import OrderColumns
from rfm.errors import InvalidArgument
from rfm.io import STANDARD, FileFormat, writer_for
from rfm.orders.rules import OrderRules, refunds_called
from rfm.quintiles import FEWEST_CUSTOMERS

_SHOWN: Final = ("customer_id", "lead_score", "lead_category", "segment", "recency_days")
_BEST: Final = 20


def score(
    orders: Annotated[
        list[str],
        typer.Argument(
            help="The orders: .csv, .tsv, .txt, .ndjson, .parquet or .xlsx files (text also .gz or "
            ".zst), folders, patterns such as '2026/*.csv', or - for standard input."
        ),
    ],
    as_of: Annotated[
        str, typer.Option(help="Date or time (ISO 8601) to score for; UTC if it has no zone.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the scores to this .csv, .tsv, .ndjson, .parquet or .xlsx file, or as CSV "
            "to standard output (-).",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Columns to show or to write, such as customer_id,lead_score. Default: five on "
            "the screen, all in a file."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Score with this model.json, or with the published thresholds (published). "
            "Default: fit quintiles to the orders."
        ),
    ] = None,
    as_json: options.Json = False,
    customer_id: options.CustomerId = "customer_id",
    ordered_at: options.OrderedAt = "ordered_at",
    amount: options.Amount = "amount",
    status: options.Status = "status",
    order_id: order_options.OrderId = None,
    quantity: order_options.Quantity = None,
    currency: order_options.CurrencyColumn = None,
    in_currency: order_options.Currency = None,
    rates: order_options.Rates = None,
    uncounted_statuses: order_options.NotCounted = "",
    refunds: order_options.Refunds = "order",
    drop_null_customers: order_options.DropNullCustomers = False,
    exclude_customers: order_options.ExcludeCustomers = None,
    separator: order_options.Separator = None,
    decimal: order_options.DecimalMark = None,
    date_format: order_options.DateFormat = None,
    encoding: order_options.Encoding = None,
) -> None:
    """Score the customers in files of orders.

    Prints the twenty customers with the highest scores, or writes all of them (--output). What was
    found in the orders is printed on standard error.

    Example: rfm score orders.csv --as-of 2026-11-01 --model published -o scores.csv
    """
    if as_json and output == STANDARD:
        raise InvalidArgument("--json and --output - both print on standard output; choose one")
    chosen = options.read_model(model) if model else None
    write = writer_for(output, orders) if output else None
    moment = options.read_instant(as_of)
    if in_currency is not None and currency is None:
        currency = "currency"
    rules = OrderRules(
        order_id=order_id,
        quantity=quantity,
        currency=currency,
        in_currency=in_currency,
        rates=order_options.read_rates(rates),
        uncounted_statuses=[one for one in uncounted_statuses.split(",") if one.strip()],
        refunds=refunds_called(refunds),
        drop_null_customers=drop_null_customers,
        exclude_customers=order_options.read_excluded(exclude_customers, customer_id),
    )
    names = OrderColumns(customer_id, ordered_at, amount, status)
    form = FileFormat(separator, decimal, date_format, encoding)
    with progress() as update:
        update(description="reading orders")
        summary, report = order_options.read_summary(orders, moment, names, rules, form)
    print_report(report, options.typed_options(score))
    used = chosen or rfm.fit(summary)
    scored = rfm.score_frame(summary, used).with_columns(rfm.lead_category(), rfm.segment())
    shown = _columns(columns, scored.columns, _SHOWN if write is None else scored.columns)
    _warn_of_few(chosen, summary)
    if write is not None:
        write(scored.sort("customer_id").select(shown))
    if as_json:
        print_json(_as_json(scored, report, used, shown, listed=write is None))
    elif write is None:
        _print_best(scored, shown)
    print_message(f"{count(scored.height, 'customer')} scored")


def _columns(written: str | None, known: Collection[str], default: Sequence[str]) -> list[str]:
    if written is None:
        return list(default)
    names = [name.strip() for name in written.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InvalidArgument(
            f"{count(len(unknown), 'unknown column')} in --columns: {first_few(unknown)}; "
            f"the scores have {first_few(known, limit=20)}"
        )
    return list(dict.fromkeys(names))


def _warn_of_few(model: rfm.Model | None, summary: pl.DataFrame) -> None:
    customers = summary.filter(pl.col("frequency") > 0).height
    if model is None and customers < FEWEST_CUSTOMERS:
        print_message(
            f"warning: quintiles of {count(customers, 'customer')} mean little; "
            "--model published has thresholds that do not depend on the orders"
        )


def _best(scored: pl.DataFrame) -> pl.DataFrame:
    return scored.sort("lead_score", "customer_id", descending=[True, False]).head(_BEST)


def _print_best(scored: pl.DataFrame, columns: Sequence[str]) -> None:
    named = pl.col("segment").cast(pl.String).replace(rfm.GRID.names)
    best = _best(scored).with_columns(named).select(columns)
    print_table("Customers with the highest scores", best.columns, best.rows())


def _as_json(
    scored: pl.DataFrame,
    report: rfm.DataReport,
    model: rfm.Model,
    columns: Sequence[str],
    *,
    listed: bool,
) -> dict[str, Any]:
    """Return the whole result as JSON; the customers only if they are not written to a file."""
    found: dict[str, Any] = {
        "customers": scored.height,
        "model": json.loads(model.to_json()),
        "data_report": report.to_dict(),
    }
    if listed:
        found["best"] = [
            {name: _plain(value) for name, value in row.items()}
            for row in _best(scored).select(columns).iter_rows(named=True)
        ]
    return found


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float | str) else str(value)
