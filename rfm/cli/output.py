"""What commands print: results on standard output, messages and progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import polars as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from rfm.cli.wording import in_options

# a pipe has no width of its own; 80 columns would fold every table
_out = Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
_err = Console(stderr=True, markup=False, highlight=False)


def print_line(text: str, style: str = "") -> None:
    """Print a line of the result; it is never folded."""
    _out.print(text, style=style, soft_wrap=True)


def print_message(text: str) -> None:
    """Print a line on standard error; it is never folded."""
    _err.print(text, soft_wrap=True)


def print_error(message: str) -> None:
    """Print why a command failed on standard error."""
    _err.print(f"error: {message}", style="red", soft_wrap=True)


def print_report(report: object, arguments: Mapping[str, str]) -> None:
    """Print what was found in the orders, with options for arguments, on standard error."""
    print_message(in_options(str(report), arguments, {}))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Long cells are folded, None is an empty cell."""
    table = Table(*(Column(name.replace("_", " "), overflow="fold") for name in columns))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    print_line(title, style="italic")
    _out.print(table)


def day(moment: datetime | None) -> str | None:
    """Write the day of an instant in words, since a table may be too narrow for 2026-11-24."""
    return f"{moment:%d %b %Y}" if moment else None


def print_moves(moves: pl.DataFrame) -> None:
    """Print how many customers went from which category (rows) to which (columns)."""
    print_pairs("Categories before (rows) and after (columns)", moves)


def print_pairs(title: str, moves: pl.DataFrame) -> None:
    """Print a table of moves."""
    print_table(title, moves.columns, moves.rows())


def print_json(value: object, indent: int | None = None) -> None:
    """Print a result as JSON."""
    print_line(json.dumps(value, indent=indent))


class Rate(ProgressColumn):
    """A column of the progress bar: how many are done per second."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last seconds."""
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def progress(*columns: ProgressColumn, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Show a progress bar on standard error, if that is a terminal, until the block ends.

    columns: what the bar shows besides description, completed, total and elapsed time.

    Yields a function that updates the bar; it takes `description`, `completed` and `total`.
    """
    first = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = quiet or not _err.is_terminal
    with Progress(
        *first, *columns, TimeElapsedColumn(), console=_err, transient=True, disable=quiet
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda **changes: bar.update(task, **changes)
