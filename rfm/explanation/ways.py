"""What raises and lowers a score under a model: the same for all customers with the same scores."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rfm.instants import DAY
from rfm.model import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rfm.model import Model

MOST_RAISES: Final = 4
MOST_FALLS: Final = 4

_DIGITS: Final = 38  # what a Decimal of Polars has
_CENT_DIGITS: Final = 2
_INT64_MAX: Final = 2**63 - 1
_LONGEST_FALL: Final = 10_000 * 366
"""In days: the calendar ends before a fall as late as this."""

CATEGORY_OF: Final = {score: name for name, scores in CATEGORIES.items() for score in scores}


class State(NamedTuple):
    """The scores of a customer, and those that one more order of no amount gives at once.

    monetary_after is at least monetary: they differ for a customer without an order.
    """

    recency: int
    frequency: int
    frequency_after: int
    monetary: int
    monetary_after: int


class Way(NamedTuple):
    """A way to a higher lead score.

    orders: the counted orders to reach; None: one more order is enough.
    spend: the spend to reach; None: any amount will do.
    """

    orders: int | None
    spend: Decimal | None
    lead_score: int


class Step(NamedTuple):
    """A fall of the recency score: so long after the newest order, so many points."""

    microseconds: int
    points: int


def effective(model: Model) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Decimal, ...]]:
    """Return the thresholds as they are met: no order earns no point, nor does negative spend."""
    return (
        model.recency,
        tuple(max(1, least) for least in model.frequency),
        tuple(max(Decimal(0), least) for least in model.monetary),
    )


def scale_of(model: Model) -> int:
    """Return the decimals of a spend to reach: two, or as many as the thresholds have.

    >>> from rfm.model import Model
    >>> scale_of(Model(monetary=[Decimal("1.50000")])), scale_of(Model(monetary=[Decimal("0.125")]))
    (2, 3)
    """
    exponents = [least.normalize().as_tuple().exponent for least in effective(model)[2]]
    return max([_CENT_DIGITS, *(-one for one in exponents if isinstance(one, int))])


@lru_cache(maxsize=4096)
def raises_of(model: Model, state: State) -> tuple[Way, ...]:
    """Return the cheapest way to each higher lead score: at most four, the cheapest first."""
    now = _lead_score(model, state.recency, state.frequency, state.monetary)
    _, frequency, monetary = effective(model)
    spends = _levels(monetary, state.monetary_after, Decimal(10) ** (_DIGITS - scale_of(model)))
    orders = _levels(frequency, state.frequency_after, _INT64_MAX)
    found: dict[int, Way] = {}
    # in the order of their cost: fewer orders, then less spend
    for (count, frequency_score), (spend, monetary_score) in product(orders, spends):
        lead_score = _lead_score(model, 1 + len(model.recency), frequency_score, monetary_score)
        if lead_score > now:
            found.setdefault(lead_score, Way(count, spend, lead_score))
    return tuple(found.values())[:MOST_RAISES]


@lru_cache(maxsize=256)
def falls_of(model: Model, recency: int) -> tuple[Step, ...]:
    """Return the falls of a recency score, the earliest first."""
    return tuple(_falls(model, recency))


def _falls(model: Model, recency: int) -> Iterator[Step]:
    # the tightest threshold is the first to be missed; equal ones are missed together
    for days in sorted(set(model.recency[: recency - 1])):
        if days < _LONGEST_FALL:
            later = 1 + sum(most > days for most in model.recency)
            yield Step((days + 1) * DAY, model.weights[0] * (recency - later))


def _levels(thresholds: Sequence[Any], score: int, end: int | Decimal) -> list[tuple[Any, int]]:
    """Return what is to be reached for each score from this one on; None for this one."""
    rest = sorted({least for least in thresholds[score - 1 :] if least < end})
    return [(None, score), *((least, 1 + sum(t <= least for t in thresholds)) for least in rest)]


def _lead_score(model: Model, *scores: int) -> int:
    return sum(weight * score for weight, score in zip(model.weights, scores, strict=True))
