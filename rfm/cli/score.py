"""`rfm score`: a file of orders in, a file of scores out."""

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
    orders: Annotated[Path, typer.Argument(help="The orders, as a .parquet or .csv file.")],
    as_of: Annotated[
        str, typer.Option(help="Date or time (ISO 8601) to score for; UTC if it has no zone.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the scores to this .parquet or .csv file."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Score with this model.json. Default: fit quintiles to the file."),
    ] = None,
    customer_id: options.CustomerId = "customer_id",
    ordered_at: options.OrderedAt = "ordered_at",
    amount: options.Amount = "amount",
    status: options.Status = "status",
) -> None:
    """Score the customers in a file of orders.

    Without --output, print the twenty customers with the highest scores.
    """
    write = writer_for(output) if output else _print_best
    columns = OrderColumns(customer_id, ordered_at, amount, status)
    summary = summarize_file(orders, options.read_instant(as_of), columns)
    scored = rfm.score_frame(summary, options.read_model(model) if model else None)
    write(scored.with_columns(rfm.lead_category(), rfm.segment()))
    print_message(f"{count(scored.height, 'customer')} scored")


_SHOWN = (
    "customer_id",
    "recency_days",
    "frequency",
    "monetary",
    "lead_score",
    "segment",
)


def _print_best(scored: pl.DataFrame) -> None:
    best = scored.select(_SHOWN).sort("lead_score", descending=True).head(20)
    best = best.with_columns(pl.col("segment").cast(pl.String).replace(rfm.GRID.names))
    print_table("Customers with the highest scores", best.columns, best.rows())
