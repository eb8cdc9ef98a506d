"""`rfm db plan`, `apply`, `rollback`, `status`, `export`, `verify`: the schema."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rfm import db
from rfm.cli import options
from rfm.cli.output import day, print_json, print_line, print_message, print_table


def plan(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Show what apply would do. Changes nothing."""
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
    print_table("Your tables", ["table", "estimated rows", "your triggers"], rows)
    for one in db.status(engine, given):
        if one.migration in planned:
            _print_planned(one)
    print_line(_LOCKS)


def _print_planned(one: db.MigrationStatus) -> None:
    does = "creates:" if one.missing else "is there, but not recorded; apply records it"
    print_line(f"{one.migration.name} {does}")
    for missing in one.missing:
        print_line(f"  {missing}")


_LOCKS = """\
locks: while the second file runs, nobody else can write orders, or read or write customers.
The indexes on both are built before, without blocking writers. While apply waits for the locks,
it blocks other sessions for at most 0.2 s at a time. If it does not get them within some
seconds, it stops and changes nothing.\
"""


def apply(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """Apply the pending migrations.

    Each file and its record are one transaction.
    """
    migrations = db.apply(db.connect(dsn), options.read_mapping(mapping))
    for migration in migrations:
        print_line(f"applied {migration.name}")
    if not migrations:
        print_line("nothing to apply")


def rollback(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    to: Annotated[
        str | None, typer.Option(help="Keep this migration and all before it. Default: keep none.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Undo the migrations, newest first.

    Drops the scores, the models and the timeline. Your own tables stay.
    """
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
    """Show which migrations the database has.

    Finds those that were applied by hand, too.
    """
    found = db.status(options.open_database(dsn, mapping))
    rows = [(one.migration.name, one.state, day(one.applied_at)) for one in found]
    print_table("Migrations", ["migration", "state", "applied at"], rows)
    # without any of its objects, the state says it all
    absent = (db.State.MISSING, db.State.NOT_ENABLED)
    for one in (one for one in found if one.state not in absent):
        for missing in one.missing:
            print_line(f"{one.migration.name} lacks {missing}")


def export(
    directory: Annotated[
        Path, typer.Argument(help="Folder of the project that has supabase/migrations/.")
    ] = Path(),
    mapping: options.MappingFile = None,
) -> None:
    """Write the migrations to supabase/migrations/, for the Supabase command line."""
    written = db.export(directory, options.read_mapping(mapping))
    for path in written:
        print_line(f"wrote {path}")
    if not written:
        print_line("nothing to write: every file exists")


def verify(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Check the schema, the rights, the indexes and every stored score.

    Exits with 1 if a check fails. Changes nothing.
    """
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
