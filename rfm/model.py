"""A model: thresholds that turn three numbers into scores, and weights that add the scores up."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import pairwise, starmap
from reprlib import repr as short_repr
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rfm._check.wording import problems
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
"""The lead scores of each category, coldest first."""

_MAX_THRESHOLDS: Final = 4  # one each for the scores 2, 3, 4 and 5
_WEIGHTS: Final = 3
_SUM_OF_WEIGHTS: Final = 6  # so that scores from 1 to 5 give lead scores from 6 to 30


@dataclass(frozen=True, slots=True, init=False)
class Model:
    """Thresholds for the scores 2, 3, 4, 5, in that order, and the weights of the lead score.

    A score is 1 plus the number of thresholds met. Thresholds of one list may be equal. With fewer
    than four thresholds, the highest scores cannot be reached. A model is immutable and hashable;
    two models with equal numbers are equal. `Model()` is `rfm.PUBLISHED`.

    recency: for each score, the maximum of whole days since the newest order; descending.
    frequency: for each score, the minimum of counted orders; ascending.
    monetary: for each score, the minimum of spend in the currency's main unit; ascending. Kept as
        Decimal; a float becomes the decimal number that it prints as.
    weights: of recency, frequency and monetary in `lead_score`: three whole numbers of 1 or more
        with the sum 6.

    Raises InvalidModel, which lists every broken rule.

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
        all_problems: list[str] = []
        for (name, rule), values in zip(_RULES.items(), lists, strict=True):
            numbers, found = _read(name, values, rule)
            object.__setattr__(self, name, numbers)  # a frozen dataclass allows no other way
            all_problems += found
        if all_problems:
            raise _invalid(all_problems)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Read a model from the JSON that `to_json` writes; money may be text or numbers.

        Money stays exact. Raises InvalidModel if the text is not a JSON object with exactly the
        four lists, or if the lists break a rule of `Model`.

        >>> Model.from_json(PUBLISHED.to_json()) == PUBLISHED
        True
        """
        try:
            found = json.loads(text, parse_float=_decimal)
        except ValueError as error:
            raise _invalid([f"not JSON: {error}"]) from error
        if key_problems := _key_problems(found):
            raise _invalid(key_problems)
        money = found["monetary"]
        if isinstance(money, list):
            found["monetary"] = [_decimal(x) if isinstance(x, str) else x for x in money]
        return cls(**found)

    def to_json(self) -> str:
        """Write the model as one line of JSON; money is text, so that no reader rounds it.

        >>> PUBLISHED.to_json()  # doctest: +NORMALIZE_WHITESPACE
        '{"recency": [180, 90, 60, 30], "frequency": [1, 3, 5, 10],
          "monetary": ["50", "200", "500", "1000"], "weights": [3, 2, 1]}'
        """
        return json.dumps(asdict(self), default=str)


class _Rule(NamedTuple):
    """The rule for one of a model's four lists.

    number: converts a value of the list, or returns None if the value is not allowed.
    wanted: the allowed values in words.
    faults: yields what is wrong with the list as a whole.
    """

    number: Callable[[Any], int | Decimal | None]
    wanted: str
    faults: Callable[[tuple[Any, ...]], Iterator[str]]


def _integer(value: SupportsIndex) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # pandas and NumPy turn integers into floats
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _whole(value: SupportsIndex) -> int | None:
    number = _integer(value)
    return None if number is None or number < 0 else number


def _finite(value: Decimal | float | SupportsIndex) -> Decimal | None:
    if isinstance(value, float):
        value = Decimal(float.__repr__(value))  # repr() of a NumPy float includes its type
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    number = _integer(value)
    return None if number is None else Decimal(number)


def _threshold_faults(
    in_order: Callable[[Any, Any], bool], order: str, thresholds: tuple[Any, ...]
) -> Iterator[str]:
    if len(thresholds) > _MAX_THRESHOLDS:
        yield f"has more than {_MAX_THRESHOLDS} thresholds"
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
    """Return the numbers of one list, and every problem with them."""
    if isinstance(values, AbstractSet | Mapping):
        return (), [f"{name}: {short_repr(values)} has no order; pass a list"]
    try:
        given = tuple(values)
    except TypeError:
        return (), [f"{name}: {short_repr(values)} is not a list of numbers"]
    numbers = tuple(map(rule.number, given))
    invalid = [
        f"{name}[{place}]: {short_repr(value)} is not {rule.wanted}"
        for place, (value, number) in enumerate(zip(given, numbers, strict=True))
        if number is None
    ]
    if invalid:
        return numbers, invalid
    return numbers, [f"{name}: {short_repr(given)} {fault}" for fault in rule.faults(numbers)]


def _decimal(text: str) -> Decimal | str:
    """Return the number, or text that is not a number unchanged, for the rules to report."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _key_problems(found: object) -> list[str]:
    if not isinstance(found, dict):
        return [f"{short_repr(found)} is not a JSON object"]
    missing = [f"{name!r} is missing" for name in _RULES if name not in found]
    return missing + [f"{name!r} is unknown" for name in found if name not in _RULES]


def _invalid(found: list[str]) -> InvalidModel:
    return InvalidModel(f"{problems(found)}\nCorrect the model, or start from rfm.PUBLISHED")


PUBLISHED: Final = Model()
"""The published thresholds and weights; a fresh database scores with them."""
