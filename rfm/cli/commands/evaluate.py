"""`rfm evaluate`: whether the scores of past days told who would buy."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

import rfm
from rfm import db
from rfm.cli import options
from rfm.cli.output import print_json, print_line, print_message, print_table
from rfm.columns import OrderColumns
from rfm.io import scan_orders

FEW = 30
"""Below as many customers, a rate says little, and is marked."""


def evaluate(
    as_of: Annotated[
        list[str],
        typer.Option(help="Past day or time (ISO 8601) to score for; may be given several times."),
    ],
    horizon: Annotated[
        str, typer.Option(help="How long after it an order counts as bought, such as 180d or 26w.")
    ],
    orders: Annotated[
        Path | None,
        typer.Argument(help="File of orders. Default: the orders of the database."),
    ] = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Score with this model.json, or with the published thresholds (published). "
            "Default: fit quintiles as of each day."
        ),
    ] = None,
    customer_id: options.CustomerId = "customer_id",
    ordered_at: options.OrderedAt = "ordered_at",
    amount: options.Amount = "amount",
    status: options.Status = "status",
    json: options.Json = False,
) -> None:
    """Compare the scores of past days with what the customers bought afterwards.

    Example: rfm evaluate orders.csv --as-of 2026-01-01 --horizon 180d
    """
    instants = [options.read_instant(one) for one in as_of]
    chosen = options.read_model(model) if model else None
    if orders is None:
        engine = options.open_database(dsn, mapping)
        found = db.evaluate(engine, as_of=instants, horizon=horizon, model=chosen)
    else:
        columns = OrderColumns(customer_id, ordered_at, amount, status)
        found = rfm.evaluate(
            scan_orders([orders], columns),
            as_of=instants,
            horizon=horizon,
            model=chosen,
            **columns._asdict(),
        )
    if json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: rfm.Evaluation) -> None:
    categories = [
        (
            *(f"{row['as_of']:%Y-%m-%d}", row["category"], f"{row['customers']:,}"),
            *(f"{row['buyers']:,}", _rate(row), _number(row["lift"], 2), row["revenue"]),
        )
        for row in found.by_category.to_dicts()
    ]
    shown = ["as of", "category", "customers", "buyers", "rate (95 %)", "lift", "revenue"]
    print_table("What became of each category", shown, categories)
    areas = [
        (f"{row['as_of']:%Y-%m-%d}", row["predictor"], *_area(row)) for row in found.auc.to_dicts()
    ]
    heading = "Area under the curve (0.5 is chance)"
    print_table(heading, ["as of", "predictor", "area", "95 %"], areas)
    print_line(found.verdict)
    few = found.by_category.filter(pl.col("customers") < FEW).height
    if few:
        print_message(f"* fewer than {FEW} customers: the rate says little")


def _rate(row: dict[str, float]) -> str:
    mark = "*" if row["customers"] < FEW else ""
    rate, low, high = (f"{100 * row[name]:.1f}" for name in ("rate", "rate_low", "rate_high"))
    return f"{rate} % ({low} to {high}){mark}"


def _area(row: dict[str, float | None]) -> tuple[str | None, str | None]:
    low, high = _number(row["low"], 3), _number(row["high"], 3)
    return _number(row["auc"], 3), low and f"{low} to {high}"


def _number(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"
