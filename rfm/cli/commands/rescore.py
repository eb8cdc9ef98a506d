"""`rfm db backfill`, `rfm db rescore-stale` and `rfm schedule`: keeping scores up to date."""

from typing import Annotated

import typer
from rich.progress import TimeRemainingColumn

from rfm import db
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.output import Rate, print_json, print_line, print_moves, print_table, progress
from rfm.errors import BackfillStopped
from rfm.segments.moves import matrix


def schedule(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    refresh: Annotated[
        str | None, typer.Option(help="When to refresh the timeline, as a cron expression.")
    ] = None,
    rescore: Annotated[
        str | None, typer.Option(help="When to rescore stale customers, as a cron expression.")
    ] = None,
) -> None:
    """Schedule the jobs with pg_cron, and list them.

    Each day they refresh the timeline and rescore stale customers.
    Each minute they score the customers in the queue.

    A job keeps its time unless you give another one. The default is 2:00 and 2:30.
    """
    jobs = db.schedule(options.open_database(dsn, mapping), refresh=refresh, rescore=rescore)
    print_table("Scheduled", ["job", "schedule"], [(one.name, one.schedule) for one in jobs])


def rescore_stale(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Rescore the customers whose scores have changed with time."""
    rescored = db.rescore_stale(options.open_database(dsn, mapping))
    print_line(f"{count(rescored, 'customer')} rescored")


def backfill(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    workers: Annotated[
        int, typer.Option(help="Number of ranges of customers processed in parallel.")
    ] = 2,
    batch: Annotated[int, typer.Option(help="Number of customers in one transaction.")] = 1000,
    pause: Annotated[float, typer.Option(help="Seconds to wait after each batch.")] = 0.0,
    max_lag: Annotated[
        float | None, typer.Option(help="Wait while a replica lags behind by more seconds.")
    ] = None,
    max_lag_bytes: Annotated[
        int | None, typer.Option(help="Wait while a replica lags behind by more bytes of WAL.")
    ] = None,
    lock_timeout: Annotated[
        float, typer.Option(help="Seconds to retry customers that other sessions have locked.")
    ] = 5.0,
    as_json: options.Json = False,
) -> None:
    """Rescore every customer whose scores are out of date."""
    pace = db.Pace(workers, batch, pause, max_lag, max_lag_bytes, lock_timeout)
    engine = options.open_database(dsn, mapping)
    show = _print_as_json if as_json else _print
    try:
        with progress(Rate(), TimeRemainingColumn(), quiet=as_json) as update:
            update(description="waiting for open transactions")
            done = db.backfill(
                engine,
                pace,
                lambda done: update(
                    description=f"{done.rescored:,} rescored",
                    completed=done.looked_at,
                    total=done.customers,
                ),
            )
    except BackfillStopped as stopped:
        if isinstance(stopped.done, db.Backfill):
            show(stopped.done)
        raise
    show(done)


def _print_as_json(done: db.Backfill) -> None:
    print_json(done.to_dict())


def _print(done: db.Backfill) -> None:
    if done.rescored:
        print_moves(matrix(done.moves))
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in done.reasons.items())
    print_line(
        f"{done.looked_at:,} of {done.customers:,} customers checked, {done.rescored:,} rescored"
        f"{f' ({reasons})' if reasons else ''}, {done.changed:,} with another category"
    )
    if done.from_queue:
        print_line(f"{count(done.from_queue, 'customer')} from lead_score_queue scored")
    if done.waiting:
        reasons = ", ".join(f"{state}: {number:,}" for state, number in done.waiting.items())
        print_line(
            f"{count(done.waiting.total(), 'customer')} could not be scored (SQLSTATE {reasons}); "
            "to retry those in lead_score_queue, run rfm db rescore-stale"
        )
