"""`rfm db`: the migrations in a database."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rfm import db
from rfm.cli import options
from rfm.cli.output import print_json, print_line, print_message, print_table


def plan(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Tell what apply would do; nothing is changed."""
    engine = db.connect(dsn)
    given = options.read_mapping(mapping)
    planned = set(db.plan(engine, given))
    if not planned:
        print_line("nothing to apply")
        return
    url = engine.url
    host = url.host or url.query.get("host", "the local socket")
    print_line(f"in database {url.database!r} at {host}, as {url.username}:")
    rows = [(one.name, one.size, ", ".join(one.triggers)) for one in db.survey(engine, given)]
    print_table("These are the tables", ["table", "estimated rows", "triggers of its own"], rows)
    for one in db.status(engine, given):
        if one.migration in planned:
            _print_planned(one)
    print_line(_LOCKS)


def _print_planned(one: db.MigrationStatus) -> None:
    does = "creates" if one.missing else "is there, put by hand; apply puts it on record"
    print_line(f"{one.migration.name} {does}")
    for missing in one.missing:
        print_line(f"  {missing}")


_LOCKS = """locks: orders against writers and customers against everybody, together, while the
second file runs; an index on orders is built before, beside the writers. Until both are had,
nobody waits for us longer than a fifth of a second at a time; after some seconds without them,
nothing is done"""


def apply(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Apply the pending migrations, each file in one transaction with its record."""
    migrations = db.apply(db.connect(dsn), options.read_mapping(mapping))
    for migration in migrations:
        print_line(f"applied {migration.name}")
    if not migrations:
        print_line("nothing to apply")


def rollback(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    to: Annotated[str | None, typer.Option(help="Keep this migration and those before it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Undo the migrations, newest first: scores, models and timeline are dropped."""
    engine = options.open_database(dsn, mapping)
    if not yes:
        typer.confirm("Drop the scores, the models and the timeline?", abort=True)
    undone = db.rollback(engine, to)
    for migration in undone:
        print_line(f"rolled back {migration.name}")
    if not undone:
        print_line("nothing to roll back")


def show_mapping(dsn: options.Dsn = None) -> None:
    """Print the mapping that the database was applied with, as TOML."""
    mapping = db.recorded_mapping(db.connect(dsn))
    if mapping is None:
        print_message("no mapping: the tables have their default names")
    else:
        print_line(mapping.toml.rstrip("\n"))


def status(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Show which migrations are in the database, also those that were pasted by hand."""
    found = db.status(options.open_database(dsn, mapping))
    rows = [(one.migration.name, one.state, one.applied_at, _missing(one)) for one in found]
    print_table("Migrations", ["migration", "state", "applied at", "missing"], rows)


def _missing(one: db.MigrationStatus) -> str:
    """List the missing objects, unless all of them are: then the state says it."""
    return "" if one.state is db.State.MISSING else ", ".join(map(str, one.missing))


def export(
    directory: Annotated[
        Path, typer.Argument(help="The project that holds, or will hold, supabase/migrations/.")
    ] = Path(),
    mapping: options.MappingFile = None,
) -> None:
    """Write the migrations to supabase/migrations/, where the Supabase command line finds them."""
    written = db.export(directory, options.read_mapping(mapping))
    for path in written:
        print_line(f"wrote {path}")
    if not written:
        print_line("every file is there already")


def verify(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Check the guide's verification steps and success criteria, and every stored score."""
    checks = db.verify(options.open_database(dsn, mapping))
    passed = sum(one.passed for one in checks)
    if as_json:
        print_json([asdict(one) for one in checks], indent=2)
    else:
        rows = [("ok" if one.passed else "FAILED", one.fact, one.found) for one in checks]
        print_table("Checks", ["", "fact", "found"], rows)
        print_line(f"{passed} of {len(checks)} checks passed")
    if passed < len(checks):
        raise typer.Exit(1)
