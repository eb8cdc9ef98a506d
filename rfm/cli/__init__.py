"""The command line: a file for each group of commands. `main` is all that others need of it."""

import sys

try:
    from rfm.cli.app import main
except ModuleNotFoundError as error:
    if error.name not in {"rich", "typer"}:
        raise
    sys.exit("error: the command line is not installed; pip install 'rfm-scoring[cli]'")

__all__ = ["main"]
