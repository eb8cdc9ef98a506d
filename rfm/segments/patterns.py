"""Triples of scores, and the patterns that write many of them in one word: 5-45-*."""

from __future__ import annotations

import re
from itertools import groupby, product
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Triple = tuple[int, int, int]
"""The scores of recency, frequency and monetary value, each from 1 to 5."""

SCORES: Final = range(1, 6)
TRIPLES: Final[tuple[Triple, ...]] = tuple(product(SCORES, SCORES, SCORES))

_PATTERN: Final = re.compile(r"([1-5]+|\*)-([1-5]+|\*)-([1-5]+|\*)")


def triples_of(pattern: str) -> frozenset[Triple] | None:
    """Return the triples of a pattern, or None if the text is not a pattern.

    >>> sorted(triples_of("5-45-1"))
    [(5, 4, 1), (5, 5, 1)]
    >>> len(triples_of("5-45-*")), triples_of("6-1-1")
    (10, None)
    """
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return None
    recency, frequency, monetary = (_scores(part) for part in match.groups())
    return frozenset(product(recency, frequency, monetary))


def _scores(part: str) -> Collection[int]:
    return SCORES if part == "*" else {int(digit) for digit in part}


def patterns_of(triples: Collection[Triple]) -> tuple[str, ...]:
    """Return the patterns that stand for exactly these triples; equal sets give equal patterns.

    >>> patterns_of({(5, 5, m) for m in SCORES} | {(5, 4, m) for m in SCORES})
    ('5-45-*',)
    >>> patterns_of({(1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 1, 2), (2, 5, 5)})
    ('1-1-12', '2-1-12', '2-5-5')
    """
    by_recency = {
        recency: tuple(_frequency_and_monetary(rest))
        for recency, rest in groupby(sorted(triples), itemgetter(0))
    }
    merged: dict[tuple[str, ...], str] = {}
    for recency, rest in by_recency.items():
        merged[rest] = merged.get(rest, "") + str(recency)
    return tuple(f"{_short(digits)}-{part}" for rest, digits in merged.items() for part in rest)


def _frequency_and_monetary(triples: Iterator[Triple]) -> Iterator[str]:
    merged: dict[str, str] = {}
    for frequency, rest in groupby(triples, itemgetter(1)):
        monetary = "".join(str(triple[2]) for triple in rest)
        merged[monetary] = merged.get(monetary, "") + str(frequency)
    for monetary, digits in merged.items():
        yield f"{_short(digits)}-{_short(monetary)}"


def _short(digits: str) -> str:
    return "*" if len(digits) == len(SCORES) else digits


def triple_text(triple: Triple) -> str:
    """Write a triple as people do.

    >>> triple_text((4, 3, 1))
    '4-3-1'
    """
    return "-".join(map(str, triple))
