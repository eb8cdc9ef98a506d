"""The wording of errors: how many, which ones."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; the plural is the noun with an s unless given.

    >>> count(1, "row"), count(3000, "row"), count(2, "customer has", "customers have")
    ('1 row', '3,000 rows', '2 customers have')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def problems(found: Sequence[str], where: str = "") -> str:
    r"""Return the text that counts the problems and then lists them: one on the same line.

    >>> problems(["batch is 0, not at least 1"])
    '1 problem: batch is 0, not at least 1'
    >>> problems(["customers is missing", "order is unknown"], "in the mapping")
    '2 problems in the mapping:\n  - customers is missing\n  - order is unknown'
    """
    heading = f"{count(len(found), 'problem')}{where and ' '}{where}:"
    if len(found) == 1:
        return f"{heading} {found[0]}"
    return heading + "".join(f"\n  - {problem}" for problem in found)


def first_few(values: Iterable[object], limit: int = 5) -> str:
    """Return the first values, with an ellipsis if there are more.

    >>> first_few("abc", limit=2)
    "'a', 'b', …"
    """
    shown = [repr(value) for value in islice(values, limit + 1)]
    return ", ".join(shown[:limit] + ["…"] * (len(shown) > limit))
