"""The command line: a file for each group of commands. `main` is all that others need of it."""

import sys

from rfm._check.extras import needs
from rfm.errors import MissingExtra

try:
    with needs("the command line", "'rfm-scoring[cli]'"):
        from rfm.cli.app import main
except MissingExtra as error:
    sys.exit(f"error: {error}")

__all__ = ["main"]
