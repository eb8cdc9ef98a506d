"""The command line: arguments, printing, exit codes.

0: done. 1: a check did not hold, or two scores differ. 2: something about the call or its input.
"""

import json
import sys
import time
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import psycopg
import sqlalchemy
import sqlalchemy.exc
from adbc_driver_manager import Error as ReaderError

try:
    import typer
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Table
    from rich.text import Text
except ImportError:
    sys.exit("error: the command line is not installed; pip install 'rfm-scoring[cli]'")

import rfm
from rfm import db
from rfm.db.connect import run_script
from rfm.db.schema.migrations import read_sql
from rfm.demo.embedded import start_server
from rfm.demo.steps import STEPS, Demo
from rfm.errors import BackfillStopped, FoundDifference, InvalidArgument, RfmError
from rfm.io import OrderColumns, scan_orders, writer_for

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
model_app = typer.Typer(no_args_is_help=True, help="The models that a database scores with.")
app.add_typer(model_app, name="model")

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


MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        envvar="RFM_MAPPING",
        show_envvar=True,
        help="Other tables than the guide's: an rfm.toml. [default: ./rfm.toml, if it is there]",
    ),
]


def _engine(dsn: str | None, mapping: Path | None) -> sqlalchemy.Engine:
    return db.connect(dsn, _mapping(mapping))


def _mapping(path: Path | None) -> db.Mapping | None:
    here = Path("rfm.toml")
    chosen = path or (here if here.exists() else None)
    if chosen is None:
        return None
    err.print(f"mapping: {chosen}", highlight=False, markup=False, soft_wrap=True)
    return db.Mapping.read(chosen)


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
    except (psycopg.Error, ReaderError) as error:
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
    mapping: MappingFile = None,
    refresh: Annotated[
        str | None, typer.Option(help="When to refresh the timeline: a cron expression.")
    ] = None,
    rescore: Annotated[
        str | None, typer.Option(help="When to rescore stale customers: a cron expression.")
    ] = None,
) -> None:
    """Have pg_cron keep timeline and scores fresh each day, and show what is scheduled."""
    jobs = db.schedule(_engine(dsn, mapping), refresh=refresh, rescore=rescore)
    _print_table("Scheduled", ["job", "schedule"], [(one.name, one.schedule) for one in jobs])


@db_app.command("plan")
def plan_command(dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """Tell what apply would do; nothing is changed."""
    engine = _engine(dsn, mapping)
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
def apply_command(dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """Apply the pending migrations, each file in one transaction with its record."""
    migrations = db.apply(_engine(dsn, mapping))
    for migration in migrations:
        out.print(f"applied {migration.name}", highlight=False)
    if not migrations:
        out.print("nothing to apply")


@db_app.command("rollback")
def rollback_command(
    dsn: Dsn = None,
    mapping: MappingFile = None,
    to: Annotated[str | None, typer.Option(help="Keep this migration and those before it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Undo the migrations, newest first: scores, models and timeline are dropped."""
    engine = _engine(dsn, mapping)
    if not yes:
        typer.confirm("Drop the scores, the models and the timeline?", abort=True)
    undone = db.rollback(engine, to)
    for migration in undone:
        out.print(f"rolled back {migration.name}", highlight=False)
    if not undone:
        out.print("nothing to roll back")


@db_app.command("status")
def status_command(dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """Tell which migrations are in the database, also those that were pasted by hand."""
    rows = [
        (one.migration.name, one.state, one.applied_at, _worth_telling(one))
        for one in db.status(_engine(dsn, mapping))
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
    mapping: MappingFile = None,
) -> None:
    """Write the migrations to supabase/migrations/, where the Supabase command line finds them."""
    written = db.export(directory, _mapping(mapping))
    for path in written:
        out.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if not written:
        out.print("every file is there already")


@db_app.command("verify")
def verify_command(
    dsn: Dsn = None,
    mapping: MappingFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: a list of fact, passed, found.")
    ] = False,
) -> None:
    """Check the guide's verification steps and success criteria, and every stored score."""
    checks = db.verify(_engine(dsn, mapping))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in checks], indent=2))
    else:
        _print_checks(checks)
    if not all(one.passed for one in checks):
        raise typer.Exit(1)


@db_app.command("rescore-stale")
def rescore_stale_command(dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """Rescore the customers whose score time has changed."""
    rescored = db.rescore_stale(_engine(dsn, mapping))
    out.print(f"{rescored:,} {'customer' if rescored == 1 else 'customers'} rescored")


def _print_checks(checks: list[db.Check]) -> None:
    rows = [("ok" if one.passed else "FAILED", one.fact, one.found) for one in checks]
    _print_table("Checks", ["", "fact", "found"], rows)
    passed = sum(one.passed for one in checks)
    out.print(f"{passed} of {len(checks)} checks passed", highlight=False)


@db_app.command("backfill")
def backfill_command(
    dsn: Dsn = None,
    mapping: MappingFile = None,
    workers: Annotated[int, typer.Option(help="Go through so many ranges at a time.")] = 2,
    batch: Annotated[int, typer.Option(help="Customers in one short transaction.")] = 1000,
    pause: Annotated[float, typer.Option(help="Seconds to rest after each batch.")] = 0.0,
    max_lag: Annotated[
        float | None, typer.Option(help="Wait while a replica is so many seconds behind.")
    ] = None,
    max_lag_bytes: Annotated[
        int | None, typer.Option(help="Wait while a replica is so many bytes of log behind.")
    ] = None,
    lock_timeout: Annotated[
        float, typer.Option(help="Seconds to wait for a lock before a batch is tried again.")
    ] = 5.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end, and nothing before.")
    ] = False,
) -> None:
    """Score again whoever is out of date, and nobody else."""
    pace = db.Pace(workers, batch, pause, max_lag, max_lag_bytes, lock_timeout)
    engine = _engine(dsn, mapping)
    tell = _print_json if as_json else _print_backfill
    try:
        quiet = as_json or not err.is_terminal
        with Progress(*_PACE, console=err, transient=True, disable=quiet) as progress:
            task = progress.add_task("looking for writers", total=None)
            tell(db.backfill(engine, pace, lambda done: _advance(progress, task, done)))
    except BackfillStopped as stopped:
        tell(stopped.done)
        raise


class _Rate(ProgressColumn):
    """Customers a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


_PACE = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    _Rate(),
    TimeRemainingColumn(),
)


def _advance(progress: Progress, task: TaskID, done: db.Backfill) -> None:
    told = f"{done.rescored:,} scored again"
    progress.update(task, completed=done.looked_at, total=done.customers, description=told)


def _print_json(done: db.Backfill) -> None:
    typer.echo(json.dumps(done.to_dict()))


_MOVES = "Categories"  # those before on the left, those after above


def _print_backfill(done: db.Backfill) -> None:
    if done.rescored:
        moved = db.matrix(done.moves)
        _print_table(_MOVES, moved.columns, moved.rows())
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in done.reasons.items())
    out.print(
        f"{done.looked_at:,} of {done.customers:,} customers looked at, {done.rescored:,} scored "
        f"again{f' ({reasons})' if reasons else ''}, {done.changed:,} in another category now",
        highlight=False,
    )


Orders = Annotated[
    Path | None,
    typer.Option("--orders", help="Fit on this .parquet or .csv file of orders instead."),
]
Activate = Annotated[
    bool, typer.Option("--activate", help="Score with it from now on; without it, only store it.")
]
Number = Annotated[
    int | None, typer.Argument(help="The model's number; without it, the active one.")
]


@model_app.command("fit")
def model_fit(
    dsn: Dsn = None,
    mapping: MappingFile = None,
    orders: Orders = None,
    as_of: Annotated[
        str | None, typer.Option(help="Count the orders up to then, ISO 8601; required for a file.")
    ] = None,
    min_customers: Annotated[
        int, typer.Option(help="Refuse to fit on fewer customers with an order.")
    ] = db.FEWEST_CUSTOMERS,
    activate: Activate = False,
    customer_id: Annotated[str, typer.Option(help="The column of customer ids.")] = "customer_id",
    ordered_at: Annotated[str, typer.Option(help="The column of order times.")] = "ordered_at",
    amount: Annotated[str, typer.Option(help="The column of amounts.")] = "amount",
    status: Annotated[str, typer.Option(help="The column of statuses, if any.")] = "status",
) -> None:
    """Fit quintiles on the orders of the database or of a file, and store them as a new model."""
    engine = _engine(dsn, mapping)
    moment = None if as_of is None else _instant(as_of)
    if orders is None:
        fitted = db.fit_model(engine, moment, min_customers=min_customers)
    else:
        columns = OrderColumns(customer_id, ordered_at, amount, status)
        fitted = _fit_file(orders, columns, moment, min_customers)
    err.print(f"fitted on {fitted.customers:,} customers", highlight=False)
    _keep(engine, fitted, activate=activate)


def _fit_file(
    path: Path, columns: OrderColumns, as_of: datetime | None, min_customers: int
) -> db.FittedModel:
    if as_of is None:
        raise InvalidArgument("a file has no clock; say --as-of, for example --as-of 2026-11-01")
    summary = rfm.summarize_orders(scan_orders(path, columns), as_of=as_of, **columns._asdict())
    return db.fit_summary(summary.collect(engine="streaming"), as_of, min_customers=min_customers)


def _keep(engine: sqlalchemy.Engine, model: rfm.Model | db.FittedModel, *, activate: bool) -> None:
    if activate:
        _tell_active(db.activate(engine, model))
    else:
        number = db.store_model(engine, model)
        out.print(
            f"stored as model {number}; rfm model activate {number} scores with it", highlight=False
        )


def _tell_active(number: int) -> None:
    out.print(
        f"model {number} is active; rfm db backfill scores again whom it changes", highlight=False
    )


@model_app.command("set")
def model_set(
    file: Annotated[
        Path | None, typer.Argument(help="A model.json, as rfm model show prints it.")
    ] = None,
    dsn: Dsn = None,
    mapping: MappingFile = None,
    recency: Annotated[
        str | None, typer.Option(help="Most days that earn 2, 3, 4, 5: 180,90,60,30")
    ] = None,
    frequency: Annotated[
        str | None, typer.Option(help="Fewest orders that earn 2, 3, 4, 5: 1,3,5,10")
    ] = None,
    monetary: Annotated[
        str | None, typer.Option(help="Least spend that earns 2, 3, 4, 5: 50,200,500,1000")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Of the three scores, with the sum 6: 3,2,1")
    ] = None,
    activate: Activate = False,
) -> None:
    """Store thresholds given by hand: a file, or what the active model should have otherwise."""
    engine = _engine(dsn, mapping)
    given = {"recency": recency, "frequency": frequency, "monetary": monetary, "weights": weights}
    changes = {name: _numbers(name, value) for name, value in given.items() if value is not None}
    if (file is None) == (not changes):
        raise InvalidArgument(
            "say either a model.json, or at least one of --recency, --frequency, "
            "--monetary and --weights"
        )
    base = rfm.Model.from_json(_read_text(file)) if file else db.active_model(engine)
    _keep(engine, rfm.Model(**(asdict(base) | changes)), activate=activate)


def _numbers(name: str, written: str) -> list[int | Decimal]:
    try:
        numbers = [Decimal(part) for part in written.split(",") if part.strip()]
    except InvalidOperation:
        raise InvalidArgument(
            f"--{name} {written!r} is no list of numbers; write them like 180,90,60,30"
        ) from None
    return [int(one) if one == one.to_integral_value() else one for one in numbers]


@model_app.command("list")
def model_list(dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """List every model there ever was; one of them is active."""
    columns = [
        "number",
        "recency",
        "frequency",
        "monetary",
        "weights",
        "fitted on",
        "stored at",
        "active since",
    ]
    rows = [_model_row(one) for one in db.models(_engine(dsn, mapping))]
    _print_table("Models", columns, rows)


def _model_row(one: db.StoredModel) -> tuple[Any, ...]:
    thresholds = (one.model.recency, one.model.frequency, one.model.monetary, one.model.weights)
    fitted = "" if one.fitted_customers is None else f"{one.fitted_customers:,} customers"
    lists = (", ".join(map(str, numbers)) for numbers in thresholds)
    return one.number, *lists, fitted, _minute(one.created_at), _minute(one.activated_at)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


@model_app.command("show")
def model_show(number: Number = None, dsn: Dsn = None, mapping: MappingFile = None) -> None:
    """Print a model as JSON, as rfm score --model and rfm model set read it."""
    engine = _engine(dsn, mapping)
    typer.echo(_model(engine, number).to_json())


def _model(engine: sqlalchemy.Engine, number: int | None) -> rfm.Model:
    return db.active_model(engine) if number is None else db.stored_model(engine, number)


@model_app.command("activate")
def model_activate(
    number: Annotated[int, typer.Argument(help="The model's number.")],
    dsn: Dsn = None,
    mapping: MappingFile = None,
) -> None:
    """Score with a stored model from now on."""
    _tell_active(db.activate(_engine(dsn, mapping), number))


@model_app.command("simulate")
def model_simulate(
    number: Annotated[int, typer.Argument(help="The number of the model to try.")],
    against: Annotated[
        int | None, typer.Option(help="Compare with this model; without it, with the active one.")
    ] = None,
    dsn: Dsn = None,
    mapping: MappingFile = None,
) -> None:
    """Tell who would move from which category to which; nothing is changed."""
    engine = _engine(dsn, mapping)
    moved = db.simulate(engine, db.stored_model(engine, number), _model(engine, against))
    _print_table(_MOVES, moved.columns, moved.rows())


def _print_table(title: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)
