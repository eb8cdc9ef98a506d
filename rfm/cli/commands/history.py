"""`rfm history`: each change of a score, who moved, and who follows the events."""

from datetime import UTC, datetime
from typing import Annotated

import polars as pl
import typer

from rfm import db
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.output import day, print_json, print_line, print_moves, print_pairs, print_table
from rfm.segments.moves import matrix


def enable(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    baseline: Annotated[
        bool,
        typer.Option("--baseline", help="Also write one event for each customer who has none."),
    ] = False,
    notify: Annotated[
        bool | None,
        typer.Option(help="Signal each event with NOTIFY; such commits wait for each other."),
    ] = None,
) -> None:
    """Record each change of a score from now on."""
    engine = options.open_database(dsn, mapping)
    written = db.enable_history(engine, baseline=baseline, notify=notify)
    print_line("the history is enabled")
    if baseline:
        print_line(f"{count(written, 'first event')} written")


def disable(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Stop recording and delete the history. The scores stay."""
    engine = options.open_database(dsn, mapping)
    if not yes:
        typer.confirm("Delete the history of the scores?", abort=True)
    deleted = db.disable_history(engine)
    print_line("the history is deleted" if deleted else "the history was not enabled")


def status(
    dsn: options.Dsn = None, mapping: options.MappingFile = None, as_json: options.Json = False
) -> None:
    """Show since when the history is recorded, how large it is, and who follows its events."""
    found = db.history_status(options.open_database(dsn, mapping))
    if as_json:
        print_json(found.to_dict(), indent=2)
        return
    if found.recorded_since is None:
        print_line("the history is not enabled")
        return
    print_line(
        f"recorded since {found.recorded_since:%d %b %Y %H:%M}, about {found.events:,} events, "
        f"{found.size / 2**20:,.1f} MiB, NOTIFY {'on' if found.notifies else 'off'}"
    )
    if found.consumers:
        print_table(
            "Consumers",
            ["consumer", "last active", "events left", "open batch"],
            [
                (one.name, day(one.active_at), one.behind, "yes" if one.has_open_batch else "")
                for one in found.consumers
            ],
        )


def show(
    customer: Annotated[str, typer.Argument(help="Id of the customer.")],
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Show each change of one customer's score, and the trend over 30 days."""
    engine = options.open_database(dsn, mapping)
    events = db.history(engine, customer)
    trend = db.trend(engine, customer)
    if as_json:
        rows = events.with_columns(pl.col("occurred_at").dt.to_string("iso:strict")).to_dicts()
        print_json({"customer_id": customer, "trend": str(trend), "events": rows}, indent=2)
        return
    columns = ("occurred_at", "cause", "old_score", "new_score", "old_category", "new_category")
    table = [(f"{at:%d %b %Y %H:%M}", *rest) for at, *rest in events.select(columns).rows()]
    print_table(f"Customer {customer}", columns, table)
    print_line(f"trend over 30 days: {trend}")


def movement(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    start: Annotated[
        str | None, typer.Option(help="Start of the period. Default: where the history begins.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="End of the period. Default: now.")] = None,
    segments: Annotated[
        bool, typer.Option("--segments", help="Between segments, not between categories.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show how many customers moved from which category or segment to which within a period."""
    engine = options.open_database(dsn, mapping)
    ends = options.read_instant(end) if end else datetime.now(UTC)
    starts = options.read_instant(start) if start else db.history_status(engine).recorded_since
    moves = db.movement(engine, starts or ends, ends, by="segment" if segments else "category")
    if as_json:
        print_json(moves.to_dicts(), indent=2)
        return
    for change, title in (("customer", "moved by themselves"), ("model", "moved by another model")):
        found = moves.filter(change=change)
        if found.height:
            print_line(f"{count(int(found['customers'].sum()), 'customer')}, {title}:")
            pairs = {(before, after): number for before, after, _, number in found.rows()}
            names = sorted({name for pair in pairs for name in pair})
            if segments:
                print_pairs(
                    "Segments before (rows) and after (columns)", matrix(pairs, names, names)
                )
            else:
                print_moves(matrix(pairs))


def prune(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    older_than: Annotated[int, typer.Option(help="Age in days.")] = 365,
) -> None:
    """Delete the events that are older, but none that a consumer has not done."""
    pruned = db.prune_history(options.open_database(dsn, mapping), older_than)
    print_line(f"{count(pruned, 'event')} deleted")
