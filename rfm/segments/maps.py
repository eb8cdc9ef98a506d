"""A segment map: which segment each triple of scores belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from reprlib import repr as short_repr
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rfm._check.wording import problems
from rfm.errors import InvalidSegmentMap
from rfm.segments.patterns import TRIPLES, Triple, patterns_of, triple_text, triples_of
from rfm.segments.reach import reachable_triples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rfm.model import Model

PROSPECT_KEY: Final = "prospect"

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LISTED: Final = 5
_FIELDS: Final = ("key", "name", "meaning", "triples")


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a map.

    key: what data holds: lower-case letters, digits and underscores, 40 at most.
    name: what people read.
    meaning: one sentence that says who these customers are.
    triples: the triples of scores, as patterns: `5-45-*` means recency 5, frequency 4 or 5, any
        monetary score. Kept as the shortest patterns for the same triples, in one order.

    `rfm.SegmentMap` checks the values.

    >>> Segment("best", "Best", "They bought last week.", ["5-5-*", "5-4-12345"]).triples
    ('5-45-*',)
    """

    key: str
    name: str
    meaning: str
    triples: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not _texts(self.triples) or None in (found := list(map(triples_of, self.triples))):
            return  # a segment map reports it
        together = frozenset().union(*filter(None, found))
        object.__setattr__(self, "triples", patterns_of(together))


@dataclass(frozen=True, slots=True, init=False)
class SegmentMap:
    """Segments that divide the 125 triples of scores: each triple belongs to exactly one.

    segments: `rfm.Segment` objects, in the order in which people see them. `prospect` has no
        triples, because a frequency of 0 decides it before the scores do; if it is missing, it is
        added at the end.

    A map is immutable and hashable. Raises InvalidSegmentMap, which lists every broken rule: keys
    and names are texts that differ, each segment but `prospect` has triples, and all 125 triples
    belong to one segment.

    >>> everybody = SegmentMap([Segment("buyer", "Buyers", "They have an order.", ["*-*-*"])])
    >>> everybody.keys
    ('buyer', 'prospect')
    >>> SegmentMap([Segment("best", "Best", "They buy often.", ["45-*-*"])])
    Traceback (most recent call last):
    rfm.errors.InvalidSegmentMap: 1 problem: 75 of 125 triples belong to no segment: \
1-1-1, 1-1-2, 1-1-3, 1-1-4, 1-1-5, …
    Correct the segment map, or start from rfm.GRID
    """

    segments: tuple[Segment, ...]

    def __init__(self, segments: Iterable[Segment]) -> None:
        given = _segments(segments)
        if PROSPECT_KEY not in [one.key for one in given]:
            given = (*given, PROSPECT)
        found = [*_field_problems(given), *_repeated(given)]
        # triples of a faulty segment would be reported as missing
        if found := found or list(_triple_problems(given)):
            raise _invalid(found)
        object.__setattr__(self, "segments", given)  # a frozen dataclass allows no other way

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all segments, in the map's order.

        >>> from rfm import GRID
        >>> GRID.keys[:2], GRID.keys[-1]
        (('champions', 'loyal'), 'prospect')
        """
        return tuple(one.key for one in self.segments)

    @property
    def names(self) -> dict[str, str]:
        """The name of each segment, by its key.

        >>> from rfm import GRID
        >>> GRID.names["cannot_lose"]
        'Cannot Lose Them'
        """
        return {one.key: one.name for one in self.segments}

    @property
    def meanings(self) -> dict[str, str]:
        """One sentence about the customers of each segment, by its key.

        >>> from rfm import GRID
        >>> GRID.meanings["prospect"]
        'They have no counted order yet.'
        """
        return {one.key: one.meaning for one in self.segments}

    @property
    def by_triple(self) -> Mapping[Triple, str]:
        """The key of the segment of each of the 125 triples.

        >>> from rfm import GRID
        >>> GRID.by_triple[5, 4, 1]
        'champions'
        """
        return _by_triple(self.segments)

    def dead(self, model: Model) -> tuple[str, ...]:
        """Return the keys of the segments that no customer can reach under a model.

        A model with few or equal thresholds leaves scores out, and so triples.

        >>> from rfm import GRID, GRID_PUBLISHED, PUBLISHED
        >>> GRID.dead(PUBLISHED), GRID_PUBLISHED.dead(PUBLISHED)
        (('new', 'promising'), ())
        """
        reached = {self.by_triple[triple] for triple in reachable_triples(model)}
        return tuple(key for key in self.keys if key not in {*reached, PROSPECT_KEY})

    @classmethod
    def from_json(cls, text: str) -> SegmentMap:
        """Read a segment map from the JSON that `to_json` writes.

        Raises InvalidSegmentMap if the text has another form, or breaks a rule of `SegmentMap`.

        >>> from rfm import GRID
        >>> SegmentMap.from_json(GRID.to_json()) == GRID
        True
        """
        try:
            found = json.loads(text)
        except ValueError as error:
            raise _invalid([f"not JSON: {error}"]) from error
        if form := _form_problems(found):
            raise _invalid(form)
        return cls(Segment(**one) for one in found["segments"])

    def to_json(self, indent: int | None = None) -> str:
        """Write the segment map as JSON: one line, or indented.

        >>> SegmentMap([Segment("all", "All", "They have an order.", ["*-*-*"])]).to_json()[:80]
        '{"segments": [{"key": "all", "name": "All", "meaning": "They have an order.", "t'
        """
        segments = [{name: getattr(one, name) for name in _FIELDS} for one in self.segments]
        return json.dumps({"segments": segments}, indent=indent, ensure_ascii=False)


def check_segment_map(segment_map: object) -> None:
    """Raise InvalidSegmentMap unless the map is an `rfm.SegmentMap`."""
    if not isinstance(segment_map, SegmentMap):
        found = type(segment_map).__name__
        raise InvalidSegmentMap(
            f"segment_map is a {found}, not an rfm.SegmentMap; "
            "pass rfm.GRID, or make one with rfm.SegmentMap.from_json(...)"
        )


def _segments(segments: object) -> tuple[Segment, ...]:
    given: tuple[Any, ...] = tuple(segments) if isinstance(segments, Iterable) else (segments,)
    wrong = [short_repr(one) for one in given if not isinstance(one, Segment)]
    if wrong:
        raise _invalid([f"{one} is not an rfm.Segment" for one in wrong])
    return given


def _texts(values: object) -> bool:
    return (
        isinstance(values, Iterable)
        and not isinstance(values, str)
        and all(isinstance(one, str) for one in values)
    )


def _field_problems(segments: Iterable[Segment]) -> Iterator[str]:
    for number, one in enumerate(segments):
        where = f"segments[{number}]"
        key: object = one.key  # whatever was passed
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            yield f"{where}: the key {short_repr(key)} is not like about_to_sleep"
        for name in ("name", "meaning"):
            value = getattr(one, name)
            if not isinstance(value, str) or not value.strip() or not value.isprintable():
                yield f"{where}: the {name} {short_repr(value)} is not one line of text"
        yield from (f"{where}: {problem}" for problem in _pattern_problems(one))


def _pattern_problems(one: Segment) -> Iterator[str]:
    if not _texts(one.triples):
        yield f"triples {short_repr(one.triples)} is not a list of patterns such as 5-45-*"
        return
    for pattern in one.triples:
        if triples_of(pattern) is None:
            yield f"{short_repr(pattern)} is not a pattern such as 5-45-* or 4-3-1"
    if one.key == PROSPECT_KEY and one.triples:
        yield "prospect has triples, but only a frequency of 0 decides it"
    elif one.key != PROSPECT_KEY and not one.triples:
        yield f"{short_repr(one.key)} has no triples"


def _repeated(segments: Iterable[Segment]) -> Iterator[str]:
    for name in ("key", "name"):
        values = [getattr(one, name) for one in segments]
        for value in dict.fromkeys(str(one) for one in values if values.count(one) > 1):
            yield f"{values.count(value)} segments have the {name} {value!r}"


def _owners(segments: Iterable[Segment]) -> dict[Triple, list[str]]:
    """Return the keys of the segments that each of the 125 triples belongs to."""
    owners: dict[Triple, list[str]] = {triple: [] for triple in TRIPLES}
    for one in segments:
        for triple in frozenset().union(*(triples_of(pattern) or () for pattern in one.triples)):
            owners[triple].append(one.key)
    return owners


@lru_cache(maxsize=16)
def _by_triple(segments: tuple[Segment, ...]) -> Mapping[Triple, str]:
    owners = _owners(segments).items()
    return MappingProxyType({triple: keys[0] for triple, keys in owners})


def _triple_problems(segments: Iterable[Segment]) -> Iterator[str]:
    owners = _owners(segments)
    shared = [triple for triple, keys in owners.items() if len(keys) > 1]
    if shared:
        most = max(len(owners[triple]) for triple in shared)
        several = "two segments" if most == 2 else "two or more segments"  # noqa: PLR2004
        first = f"{triple_text(shared[0])} to {' and '.join(owners[shared[0]])}"
        yield f"{_of_all(shared, several)} ({first})"
    missing = [triple for triple, keys in owners.items() if not keys]
    if missing:
        yield _of_all(missing, "no segment")


def _of_all(triples: list[Triple], owner: str) -> str:
    listed = [triple_text(triple) for triple in triples[:_LISTED]] + ["…"] * (
        len(triples) > _LISTED
    )
    verb = "belongs" if len(triples) == 1 else "belong"
    return f"{len(triples)} of {len(TRIPLES)} triples {verb} to {owner}: {', '.join(listed)}"


def _form_problems(found: Any) -> list[str]:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(found, dict) or list(found) != ["segments"]:
        return [f"{short_repr(found)} is not a JSON object with the one field 'segments'"]
    segments = found["segments"]
    if not isinstance(segments, list):
        return [f"segments: {short_repr(segments)} is not a list"]
    return [
        f"segments[{number}]: {problem}"
        for number, one in enumerate(segments)
        for problem in _field_name_problems(one)
    ]


def _field_name_problems(one: object) -> list[str]:
    if not isinstance(one, dict):
        return [f"{short_repr(one)} is not a JSON object"]
    required = [name for name in _FIELDS if name != "triples" or one.get("key") != PROSPECT_KEY]
    missing = [f"{name!r} is missing" for name in required if name not in one]
    return missing + [f"{short_repr(name)} is unknown" for name in one if name not in _FIELDS]


def _invalid(found: list[str]) -> InvalidSegmentMap:
    return InvalidSegmentMap(f"{problems(found)}\nCorrect the segment map, or start from rfm.GRID")


PROSPECT: Final = Segment(PROSPECT_KEY, "Prospects", "They have no counted order yet.")
"""What every map has: the customers with a frequency of 0, whatever their scores."""
