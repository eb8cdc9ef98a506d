"""The command line: arguments, printing, exit codes.

0: done. 1: a check did not hold, or two scores differ. 2: something about the call or its input.
"""

import json
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import psycopg
import sqlalchemy
import sqlalchemy.exc

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
except ImportError:
    sys.exit("error: the command line is not installed; pip install 'rfm-scoring[cli]'")

import rfm
from rfm import db
from rfm.db.connect import run_script
from rfm.db.demo import STEPS, Demo
from rfm.db.embedded import start_server
from rfm.db.migrations import read_sql
from rfm.errors import FoundDifference, InvalidArgument, RfmError
from rfm.files import OrderColumns, scan_orders, writer_for

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Score customers by recency, frequency and monetary value, in files and in PostgreSQL.",
)
db_app = typer.Typer(
    no_args_is_help=True, help="The migrations in a PostgreSQL or Supabase database."
)
app.add_typer(db_app, name="db")

# a pipe has no width of its own; 80 columns would fold every table
out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        envvar="DATABASE_URL",
        show_envvar=True,
        help="The database: postgresql://user:password@host:5432/database",
    ),
]


def _tell_version(wanted: bool) -> None:
    if wanted:
        out.print(f"rfm {rfm.__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors of ours, and of the database, are one message each."""
    try:
        app()
    except FoundDifference as error:
        _fail(str(error), code=1)
    except RfmError as error:
        _fail(str(error), code=2)
    except sqlalchemy.exc.DBAPIError as error:
        _fail(f"the database says: {str(error.orig).strip()}", code=2)
    except psycopg.Error as error:
        _fail(f"the database says: {str(error).strip()}", code=2)
    except pl.exceptions.PolarsError as error:
        _fail(f"the file cannot be read: {str(error).splitlines()[0]}", code=2)


def _fail(message: str, code: int) -> None:
    err.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


@app.command()
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
    customer_id: Annotated[str, typer.Option(help="The column of customer ids.")] = "customer_id",
    ordered_at: Annotated[str, typer.Option(help="The column of order times.")] = "ordered_at",
    amount: Annotated[str, typer.Option(help="The column of amounts.")] = "amount",
    status: Annotated[str, typer.Option(help="The column of statuses, if any.")] = "status",
) -> None:
    """Score the customers of a file of orders; without --output, print the best twenty."""
    write = writer_for(output) if output else _print_best
    columns = OrderColumns(customer_id, ordered_at, amount, status)
    summary = rfm.summarize_orders(
        scan_orders(orders, columns), as_of=_instant(as_of), **columns._asdict()
    ).collect(engine="streaming")
    chosen = rfm.Model.from_json(_read_text(model)) if model else None
    scored = rfm.score_frame(summary, chosen)
    write(scored.with_columns(rfm.lead_category(), rfm.segment()))
    noun = "customer" if scored.height == 1 else "customers"
    err.print(f"{scored.height:,} {noun} scored", highlight=False)


def _instant(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise InvalidArgument(
            f"--as-of {value!r} is no date or time; write 2026-11-01 or 2026-11-01T12:00:00+01:00"
        ) from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}") from None


def _print_best(scored: pl.DataFrame) -> None:
    best = scored.sort("lead_score", descending=True).head(20)
    _print_table("The best customers", best.columns, best.rows())


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running and print its address.")
    ] = False,
) -> None:
    """Score 23,570 real customers twice, by triggers and in Polars, and compare every one."""
    address = start_server(keep=keep)
    run = Demo(db.connect(address))
    _run_steps(run)
    _print_query(run, "score_distribution", "Lead categories")
    _print_query(run, "best_leads", "The five best customers")
    _print_query(run, "timeline_of_a_customer", "What the best of them did lately")
    total = run.stored.height
    out.print(f"{total:,} of {total:,} scores agree", style="bold green", highlight=False)
    if keep:
        folder = run.engine.url.query["host"]
        out.print(f"the server goes on: {address}", highlight=False, soft_wrap=True)
        out.print(
            f"stop it with: kill -INT $(head -1 {folder}/postmaster.pid)",
            highlight=False,
            soft_wrap=True,
        )


def _run_steps(run: Demo) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    times = []
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=len(STEPS))
        for title, step in STEPS:
            progress.update(task, description=title)
            started = time.perf_counter()
            step(run)
            times.append((title, f"{time.perf_counter() - started:.2f}"))
            progress.advance(task)
    _print_table("What was done", ["step", "seconds"], times)


def _print_query(run: Demo, name: str, title: str) -> None:
    with run.engine.connect() as connection:
        cursor = run_script(connection, read_sql("queries", name))
        columns = [column.name for column in cursor.description or ()]
        _print_table(title, columns, cursor.fetchall())


@app.command("schedule")
def schedule_command(
    dsn: Dsn = None,
    refresh: Annotated[
        str | None, typer.Option(help="When to refresh the timeline: a cron expression.")
    ] = None,
    rescore: Annotated[
        str | None, typer.Option(help="When to rescore stale customers: a cron expression.")
    ] = None,
) -> None:
    """Have pg_cron keep timeline and scores fresh each day, and show what is scheduled."""
    jobs = db.schedule(db.connect(dsn), refresh=refresh, rescore=rescore)
    _print_table("Scheduled", ["job", "schedule"], [(one.name, one.schedule) for one in jobs])


@db_app.command("plan")
def plan_command(dsn: Dsn = None) -> None:
    """Tell what apply would do; nothing is changed."""
    engine = db.connect(dsn)
    planned = set(db.plan(engine))
    if not planned:
        out.print("nothing to apply")
        return
    url = engine.url
    out.print(f"in database {url.database!r} at {_place(url)}, as {url.username}:", highlight=False)
    rows = [(one.name, f"{one.rows:,}", ", ".join(one.triggers)) for one in db.survey(engine)]
    _print_table("These are the tables", ["table", "rows", "triggers of its own"], rows)
    for one in db.status(engine):
        if one.migration in planned:
            out.print(f"{one.migration.name} {_what_it_does(one)}", highlight=False)
            for missing in one.missing:
                out.print(f"  {missing}", highlight=False)
    out.print(_LOCKS, highlight=False)


_LOCKS = """locks: orders against writers and customers against everybody, together, while the
second file runs; an index on orders is built before, beside the writers. Until both are had,
nobody waits for us longer than a fifth of a second at a time; after some seconds without them,
nothing is done"""


def _place(url: sqlalchemy.URL) -> str:
    return str(url.host or url.query.get("host", "the local socket"))


def _what_it_does(one: db.MigrationStatus) -> str:
    return "creates" if one.missing else "is there, put by hand; apply puts it on record"


@db_app.command("apply")
def apply_command(dsn: Dsn = None) -> None:
    """Apply the pending migrations, each file in one transaction with its record."""
    migrations = db.apply(db.connect(dsn))
    for migration in migrations:
        out.print(f"applied {migration.name}", highlight=False)
    if not migrations:
        out.print("nothing to apply")


@db_app.command("rollback")
def rollback_command(
    dsn: Dsn = None,
    to: Annotated[str | None, typer.Option(help="Keep this migration and those before it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Undo the migrations, newest first: scores, models and timeline are dropped."""
    engine = db.connect(dsn)
    if not yes:
        typer.confirm("Drop the scores, the models and the timeline?", abort=True)
    undone = db.rollback(engine, to)
    for migration in undone:
        out.print(f"rolled back {migration.name}", highlight=False)
    if not undone:
        out.print("nothing to roll back")


@db_app.command("status")
def status_command(dsn: Dsn = None) -> None:
    """Tell which migrations are in the database, also those that were pasted by hand."""
    rows = [
        (one.migration.name, one.state, one.applied_at, _worth_telling(one))
        for one in db.status(db.connect(dsn))
    ]
    _print_table("Migrations", ["migration", "state", "applied at", "missing"], rows)


def _worth_telling(one: db.MigrationStatus) -> str:
    """Of a migration that is not there at all, every object is missing: that says nothing."""
    return "" if one.state is db.State.MISSING else ", ".join(map(str, one.missing))


@db_app.command("export")
def export_command(
    directory: Annotated[
        Path, typer.Argument(help="The project that holds, or will hold, supabase/migrations/.")
    ] = Path(),
) -> None:
    """Write the migrations to supabase/migrations/, where the Supabase command line finds them."""
    written = db.export(directory)
    for path in written:
        out.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if not written:
        out.print("every file is there already")


@db_app.command("verify")
def verify_command(
    dsn: Dsn = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: a list of fact, passed, found.")
    ] = False,
) -> None:
    """Check the guide's verification steps and success criteria, and every stored score."""
    checks = db.verify(db.connect(dsn))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in checks], indent=2))
    else:
        _print_checks(checks)
    if not all(one.passed for one in checks):
        raise typer.Exit(1)


@db_app.command("rescore-stale")
def rescore_stale_command(dsn: Dsn = None) -> None:
    """Rescore the customers whose score time has changed."""
    rescored = db.rescore_stale(db.connect(dsn))
    out.print(f"{rescored:,} {'customer' if rescored == 1 else 'customers'} rescored")


def _print_checks(checks: list[db.Check]) -> None:
    rows = [("ok" if one.passed else "FAILED", one.fact, one.found) for one in checks]
    _print_table("Checks", ["", "fact", "found"], rows)
    passed = sum(one.passed for one in checks)
    out.print(f"{passed} of {len(checks)} checks passed", highlight=False)


def _print_table(title: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)
