"""The tree of commands, and the exit codes.

0: done. 1: a check did not hold, or two scores differ. 2: the call, its input or the database.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated

import polars as pl
import psycopg
import sqlalchemy.exc
import typer
from adbc_driver_manager import Error as ReaderError

import rfm
from rfm.cli import demo, model, output, rescore, schema, score
from rfm.errors import FoundDifference, RfmError

Command = Callable[..., None]


def _group(about: str, commands: Mapping[str, Command]) -> typer.Typer:
    group = typer.Typer(
        help=about, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    for name, command in commands.items():
        group.command(name)(_with_exit_code(command))
    return group


def _with_exit_code(command: Command) -> Command:
    """Turn each expected error of a command into one message and an exit code."""

    @wraps(command)
    def run(**arguments: object) -> None:
        try:
            command(**arguments)
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

    return run


def _fail(message: str, code: int) -> None:
    output.print_error(message)
    raise typer.Exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.print_line(f"rfm {rfm.__version__}")
        raise typer.Exit


def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


app = _group(
    "Score customers by recency, frequency and monetary value, in files and in PostgreSQL.",
    {"score": score.score, "demo": demo.demo, "schedule": rescore.schedule},
)
app.callback()(_options)
app.add_typer(
    _group(
        "The migrations in a PostgreSQL or Supabase database.",
        {
            "plan": schema.plan,
            "apply": schema.apply,
            "rollback": schema.rollback,
            "status": schema.status,
            "mapping": schema.show_mapping,
            "export": schema.export,
            "verify": schema.verify,
            "rescore-stale": rescore.rescore_stale,
            "backfill": rescore.backfill,
        },
    ),
    name="db",
)
app.add_typer(
    _group(
        "The models that a database scores with.",
        {
            "fit": model.fit,
            "set": model.set_model,
            "list": model.list_models,
            "show": model.show,
            "activate": model.activate,
            "simulate": model.simulate,
        },
    ),
    name="model",
)


def main() -> None:
    """Run the command line."""
    app()
