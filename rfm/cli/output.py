"""What commands print: results on standard output, messages and progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

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
from rich.table import Table
from rich.text import Text

# a pipe has no width of its own; 80 columns would fold every table
_out = Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
_err = Console(stderr=True, markup=False, highlight=False)


def print_line(text: str, style: str = "") -> None:
    """Print a result in one line, however long."""
    _out.print(text, style=style, soft_wrap=True)


def print_message(text: str) -> None:
    """Print a line about the result on standard error."""
    _err.print(text, soft_wrap=True)


def print_error(message: str) -> None:
    """Print why a command failed on standard error."""
    _err.print(f"error: {message}", style="red", soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; None becomes an empty cell."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    _out.print(table)


def print_json(value: object, indent: int | None = None) -> None:
    """Print a result as JSON."""
    print_line(json.dumps(value, indent=indent))


class Rate(ProgressColumn):
    """How many are done a second."""

    def render(self, task: Task) -> Text:
        """Render the rate of the last seconds."""
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def progress(*columns: ProgressColumn, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Show a bar on standard error, if that is a terminal, until the block ends.

    columns: what to show besides the description, the bar and the numbers done and in all.

    Yields a function that updates the bar: `description`, `completed`, `total`.
    """
    first = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = quiet or not _err.is_terminal
    with Progress(
        *first, *columns, TimeElapsedColumn(), console=_err, transient=True, disable=quiet
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda **changes: bar.update(task, **changes)
