"""The tree of commands, and the exit codes.

0: done. 1: a check did not hold, or two scores differ. 2: the call, its input or the database.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Final

import polars as pl
import psycopg
import sqlalchemy.exc
import typer
from adbc_driver_manager import Error as ReaderError

import rfm
from rfm.cli import options, output
from rfm.cli.commands import (
    demo,
    doctor,
    evaluate,
    explain,
    history,
    model,
    rescore,
    schema,
    score,
    segments,
)
from rfm.cli.wording import in_options
from rfm.errors import FoundDifference, RfmError

Command = Callable[..., None]

ABOUT = {
    "": "Score customers by recency, frequency and monetary value, in files and in PostgreSQL.",
    "db": "Install, check and maintain lead scoring in a PostgreSQL or Supabase database.",
    "history": "Record each change of a score, and show who moved.",
    "model": "Fit, store, compare and activate the models of a database.",
    "segments": "Show, change and compare the segments of a database's customers.",
}
COMMANDS: dict[str, Mapping[str, Command]] = {
    "": {
        "score": score.score,
        "evaluate": evaluate.evaluate,
        "explain": explain.explain,
        "demo": demo.demo,
        "schedule": rescore.schedule,
        "doctor": doctor.doctor,
    },
    "db": {
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
    "history": {
        "enable": history.enable,
        "disable": history.disable,
        "status": history.status,
        "show": history.show,
        "movement": history.movement,
        "prune": history.prune,
    },
    "model": {
        "fit": model.fit,
        "set": model.set_model,
        "list": model.list_models,
        "show": model.show,
        "activate": model.activate,
        "simulate": model.simulate,
    },
    "segments": {
        "list": segments.list_maps,
        "show": segments.show,
        "export": segments.export,
        "check": segments.check,
        "simulate": segments.simulate,
        "activate": segments.activate,
    },
}
_TYPED: Final = {
    name.replace("-", "_"): " ".join(filter(None, ("rfm", group, name)))
    # of two commands with one name, the message means the one of the first group
    for group, commands in reversed(COMMANDS.items())
    for name in commands
} | {"enable_history": "rfm history enable"}
"""How each command is typed, by the name of the function of the library that it runs."""


def _group(name: str) -> typer.Typer:
    group = typer.Typer(
        help=ABOUT[name],
        no_args_is_help=True,
        add_completion=not name,
        pretty_exceptions_enable=False,
        context_settings=options.WITH_SHORT_HELP,
    )
    for command_name, command in COMMANDS[name].items():
        group.command(command_name, context_settings=options.WITH_SHORT_HELP)(
            _with_exit_code(command)
        )
    return group


def _with_exit_code(command: Command) -> Command:
    """Turn each expected error of a command into one message and an exit code."""

    @wraps(command)
    def run(**arguments: object) -> None:
        try:
            command(**arguments)
        except RfmError as error:
            message = in_options(str(error), options.typed_options(command), _TYPED)
            _fail(message, code=1 if isinstance(error, FoundDifference) else 2)
        except BrokenPipeError:
            raise  # whoever reads our output has gone; that is no mistake in the call
        except OSError as error:
            _fail(f"cannot use {error.filename}: {error.strerror}")
        except sqlalchemy.exc.DBAPIError as error:
            _fail(f"the database says: {str(error.orig).strip()}")
        except (psycopg.Error, ReaderError) as error:
            _fail(f"the database says: {str(error).strip()}")
        except pl.exceptions.PolarsError as error:
            _fail(f"the file cannot be read: {str(error).splitlines()[0]}")

    return run


def _fail(message: str, code: int = 2) -> None:
    output.print_error(message)
    raise typer.Exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        output.print_line(f"rfm {rfm.__version__}")
        raise typer.Exit


def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


app = _group("")
app.callback()(_options)
for _name in filter(None, COMMANDS):
    app.add_typer(_group(_name), name=_name)


def main() -> None:
    """Run the command line."""
    app()
