"""`rfm score`: files in, files out."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

import rfm
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.output import print_message, print_table
from rfm.columns import OrderColumns
from rfm.io import summarize_file, writer_for


def score(
    orders: Annotated[Path, typer.Argument(help="The orders: a .parquet or .csv file.")],
    as_of: Annotated[
        str, typer.Option(help="Score as of this date or time (UTC if it has no zone), ISO 8601.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this .parquet or .csv file."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Score with this model.json; without it, fit quintiles.")
    ] = None,
    customer_id: options.CustomerId = "customer_id",
    ordered_at: options.OrderedAt = "ordered_at",
    amount: options.Amount = "amount",
    status: options.Status = "status",
) -> None:
    """Score the customers of a file of orders; without --output, print the best twenty."""
    write = writer_for(output) if output else _print_best
    columns = OrderColumns(customer_id, ordered_at, amount, status)
    summary = summarize_file(orders, options.read_instant(as_of), columns)
    scored = rfm.score_frame(summary, options.read_model(model) if model else None)
    write(scored.with_columns(rfm.lead_category(), rfm.segment()))
    print_message(f"{count(scored.height, 'customer')} scored")


def _print_best(scored: pl.DataFrame) -> None:
    best = scored.sort("lead_score", descending=True).head(20)
    print_table("The best customers", best.columns, best.rows())
