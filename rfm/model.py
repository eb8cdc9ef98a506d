"""A model: thresholds that turn three numbers into scores, their weights, and the categories."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import pairwise, starmap
from reprlib import repr as shown  # shortens what is long
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rfm.errors import InvalidModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import SupportsIndex

CATEGORIES: Final = {
    "Cold": range(6, 12),
    "Cool": range(12, 18),
    "Warm": range(18, 24),
    "Hot": range(24, 31),
}
"""Every lead score there can be, by category, coldest first."""

_MOST_THRESHOLDS: Final = 4  # one each for the scores 2, 3, 4 and 5
_WEIGHTS: Final = 3
_SUM_OF_WEIGHTS: Final = 6  # scores from 1 to 5 then make lead scores from 6 to 30


@dataclass(frozen=True, slots=True, init=False)
class Model:
    """Thresholds for the scores 2, 3, 4, 5, in that order, and the weights of the lead score.

    A score is 1 plus the number of thresholds met. Equal thresholds may follow each other; a list
    shorter than four puts the highest scores out of reach. A model never changes, can be hashed,
    and equals every model of equal numbers. Without arguments it is `rfm.PUBLISHED`.

    recency: most whole days that still earn the score, descending.
    frequency: fewest counted orders that earn it, ascending.
    monetary: least spend that earns it, ascending, in the currency's main unit. Kept as Decimal;
        a float stands for the number that it prints as.
    weights: of recency, frequency and monetary in `lead_score`: three whole numbers of 1 or more
        that sum to 6.

    Raises InvalidModel, which lists everything that breaks these rules.

    >>> Model(recency=[90, 30], monetary=[19.99, 100])  # doctest: +NORMALIZE_WHITESPACE
    Model(recency=(90, 30), frequency=(1, 3, 5, 10),
          monetary=(Decimal('19.99'), Decimal('100')), weights=(3, 2, 1))
    """

    recency: tuple[int, ...]
    frequency: tuple[int, ...]
    monetary: tuple[Decimal, ...]
    weights: tuple[int, ...]

    def __init__(
        self,
        recency: Iterable[SupportsIndex] = (180, 90, 60, 30),
        frequency: Iterable[SupportsIndex] = (1, 3, 5, 10),
        monetary: Iterable[Decimal | float | SupportsIndex] = (50, 200, 500, 1000),
        weights: Iterable[SupportsIndex] = (3, 2, 1),
    ) -> None:
        lists = (recency, frequency, monetary, weights)
        problems: list[str] = []
        for (name, rule), values in zip(_RULES.items(), lists, strict=True):
            numbers, found = _read(name, values, rule)
            object.__setattr__(self, name, numbers)  # how a frozen dataclass fills itself
            problems += found
        if problems:
            raise _invalid(problems)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read what `to_json` wrote; money may be strings or numbers, and stays exact.

        Raises InvalidModel where the text is not a JSON object of exactly the four lists, or where
        they make no model.

        >>> Model.from_json(PUBLISHED.to_json()) == PUBLISHED
        True
        """
        try:
            found = json.loads(text, parse_float=_decimal)
        except ValueError as error:
            raise _invalid([f"not JSON: {error}"]) from error
        if problems := _key_problems(found):
            raise _invalid(problems)
        money = found["monetary"]
        if isinstance(money, list):
            found["monetary"] = [_decimal(x) if isinstance(x, str) else x for x in money]
        return cls(**found)

    def to_json(self) -> str:
        """Write the model as one line of JSON, money as strings so that no reader rounds it.

        >>> PUBLISHED.to_json()  # doctest: +NORMALIZE_WHITESPACE
        '{"recency": [180, 90, 60, 30], "frequency": [1, 3, 5, 10],
          "monetary": ["50", "200", "500", "1000"], "weights": [3, 2, 1]}'
        """
        return json.dumps(asdict(self), default=str)


class _Rule(NamedTuple):
    """What one of a model's lists has to be."""

    read: Callable[[Any], int | Decimal | None]  # None: not what is wanted
    wanted: str
    faults: Callable[[tuple[Any, ...]], Iterator[str]]


def _integer(value: SupportsIndex) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as frames from elsewhere have them
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _whole(value: SupportsIndex) -> int | None:
    number = _integer(value)
    return None if number is None or number < 0 else number


def _finite(value: Decimal | float | SupportsIndex) -> Decimal | None:
    if isinstance(value, float):
        value = Decimal(float.__repr__(value))  # repr() of a NumPy float would name its type
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    number = _integer(value)
    return None if number is None else Decimal(number)


def _threshold_faults(
    in_order: Callable[[Any, Any], bool], order: str, thresholds: tuple[Any, ...]
) -> Iterator[str]:
    if len(thresholds) > _MOST_THRESHOLDS:
        yield f"has more than {_MOST_THRESHOLDS} thresholds"
    if not all(starmap(in_order, pairwise(thresholds))):
        yield f"is not {order}"


def _weight_faults(weights: tuple[int, ...]) -> Iterator[str]:
    if len(weights) != _WEIGHTS or sum(weights) != _SUM_OF_WEIGHTS or 0 in weights:
        yield f"is not {_WEIGHTS} numbers of 1 or more that sum to {_SUM_OF_WEIGHTS}"


_descending = partial(_threshold_faults, operator.ge, "descending")
_ascending = partial(_threshold_faults, operator.le, "ascending")

_RULES: Final = {
    "recency": _Rule(_whole, "a whole number of 0 or more", _descending),
    "frequency": _Rule(_whole, "a whole number of 0 or more", _ascending),
    "monetary": _Rule(_finite, "a finite number", _ascending),
    "weights": _Rule(_whole, "a whole number of 1 or more", _weight_faults),
}


def _read(name: str, values: Iterable[Any], rule: _Rule) -> tuple[tuple[Any, ...], list[str]]:
    """Return the numbers of one list, and all that is wrong with them."""
    if isinstance(values, AbstractSet | Mapping):
        return (), [f"{name}: {shown(values)} has no order of its own: give a list"]
    try:
        given = tuple(values)
    except TypeError:
        return (), [f"{name}: {shown(values)} is not a list of numbers"]
    numbers = tuple(map(rule.read, given))
    strangers = [
        f"{name}[{place}]: {shown(value)} is not {rule.wanted}"
        for place, (value, number) in enumerate(zip(given, numbers, strict=True))
        if number is None
    ]
    if strangers:
        return numbers, strangers
    return numbers, [f"{name}: {shown(given)} {fault}" for fault in rule.faults(numbers)]


def _decimal(text: str) -> Decimal | str:
    """Return the number, or the text itself where it is none, for the rules to refuse by name."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _key_problems(found: object) -> list[str]:
    if not isinstance(found, dict):
        return [f"{shown(found)} is not a JSON object"]
    missing = [f"{name!r} is missing" for name in _RULES if name not in found]
    return missing + [f"{name!r} is unknown" for name in found if name not in _RULES]


def _invalid(problems: list[str]) -> InvalidModel:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidModel(
        f"{count}: {'; '.join(problems)}. Correct the model, or start from rfm.PUBLISHED"
    )


PUBLISHED: Final = Model()
"""The published thresholds, on which a fresh database starts."""
