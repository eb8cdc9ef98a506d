"""The options that say where orders are, how they are written and which count."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

import rfm
from rfm.columns import OrderColumns
from rfm.data_report import summarize_and_inspect
from rfm.io import STANDARD, FileFormat, read_ids, scan_orders
from rfm.orders.rules import OrderRules

_COLUMNS_PANEL: Final = "Columns of the orders"
_RULES_PANEL: Final = "Which orders count"
_FORMAT_PANEL: Final = "How text files are written"
_LARGE_FILES: Final = 2 * 1024**3  # bytes; of larger files, repeated rows take too much memory

OrderId = Annotated[
    str | None,
    typer.Option(
        help="Name of the column of order numbers, if each row is a line of an order.",
        rich_help_panel=_COLUMNS_PANEL,
    ),
]
Quantity = Annotated[
    str | None,
    typer.Option(
        help="Name of the column of quantities, if --amount is the price of one.",
        rich_help_panel=_COLUMNS_PANEL,
    ),
]
CurrencyColumn = Annotated[
    str | None,
    typer.Option(
        "--currency-column",
        help="Name of the column of currencies. Default: currency, if there is one.",
        rich_help_panel=_COLUMNS_PANEL,
    ),
]
Currency = Annotated[
    str | None,
    typer.Option(
        "--currency",
        help="Count orders in this currency only; with --rates, convert amounts to it.",
        rich_help_panel=_RULES_PANEL,
    ),
]
Rates = Annotated[
    Path | None,
    typer.Option(
        help="File of rates with the columns currency, rate and valid_from.",
        rich_help_panel=_RULES_PANEL,
    ),
]
NotCounted = Annotated[
    str,
    typer.Option(
        "--not-counted",
        help="More statuses that do not count, such as returned,chargeback.",
        rich_help_panel=_RULES_PANEL,
    ),
]
Refunds = Annotated[
    str,
    typer.Option(
        help="What a negative amount is: an order, as in the database; net: it lowers the spend "
        "and is no order; ignore: it does not count.",
        rich_help_panel=_RULES_PANEL,
    ),
]
DropNullCustomers = Annotated[
    bool,
    typer.Option(
        "--drop-null-customers",
        help="Leave out the rows without a customer.",
        rich_help_panel=_RULES_PANEL,
    ),
]
ExcludeCustomers = Annotated[
    Path | None,
    typer.Option(
        help="Leave out the customers in this file: its column of ids, or one id a line.",
        rich_help_panel=_RULES_PANEL,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        help="Character between two columns. Default: found in the header.",
        rich_help_panel=_FORMAT_PANEL,
    ),
]
DecimalMark = Annotated[
    str | None,
    typer.Option(
        help="Decimal mark, . or , (the other one may group digits). Default: . and no groups.",
        rich_help_panel=_FORMAT_PANEL,
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        help="Format of times, such as %d/%m/%Y. Default: ISO 8601.", rich_help_panel=_FORMAT_PANEL
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding of the text, such as cp1252. Default: UTF-8.", rich_help_panel=_FORMAT_PANEL
    ),
]


def read_summary(
    paths: Sequence[str],
    as_of: datetime,
    columns: OrderColumns,
    rules: OrderRules,
    form: FileFormat,
) -> tuple[pl.DataFrame, rfm.DataReport]:
    """Read files of orders; return the summary of their customers and the data report.

    A column called `currency` is used if the rules name none, as a column `status` is.
    """
    orders = scan_orders(paths, columns, rules, form)
    if rules.currency is None and orders.collect_schema().get("currency") == pl.String:
        rules = rules._replace(currency="currency")
    duplicates = not _are_large(paths)
    return summarize_and_inspect(
        orders, as_of=as_of, duplicates=duplicates, **rules.with_columns(columns)
    )


def read_rates(path: Path | None) -> pl.DataFrame | None:
    """Read a file of rates; they are as exact as amounts."""
    if path is None:
        return None
    names = OrderColumns("currency", "valid_from", "rate")
    return scan_orders([path], names).collect()


def read_excluded(path: Path | None, customer_id: str) -> pl.Series | None:
    """Read a file of customers to leave out."""
    return None if path is None else read_ids(path, customer_id)


def _are_large(paths: Sequence[str]) -> bool:
    files = [Path(path) for path in paths if path != STANDARD]
    sizes = [
        one.stat().st_size
        for path in files
        for one in (path.rglob("*") if path.is_dir() else [path])
        if one.is_file()
    ]
    return sum(sizes) > _LARGE_FILES
