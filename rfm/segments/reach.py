"""Which triples of scores a customer with an order can have under a model."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rfm.model import Model
    from rfm.segments.patterns import Triple


def reachable_triples(model: Model) -> frozenset[Triple]:
    """Return the triples that customers with one counted order or more can have.

    The three scores do not depend on each other: any number of orders, of any amounts together,
    can have its newest order on any day.

    >>> from rfm.model import PUBLISHED
    >>> reachable = reachable_triples(PUBLISHED)
    >>> (5, 1, 1) in reachable, (5, 2, 1) in reachable     # one order earns a 2
    (False, True)
    """
    return frozenset(
        product(
            # no model needs a number of days that cannot be exceeded
            _reachable([-most for most in model.recency], least=None),
            _reachable(model.frequency, least=1),
            # a negative spend earns a 1, whatever the thresholds
            {1, *_reachable([max(spend, Decimal(0)) for spend in model.monetary], least=0)},
        )
    )


def _reachable(thresholds: Sequence[int | Decimal], least: int | None) -> Iterator[int]:
    """Yield the scores of the values that are `least` or more; thresholds are ascending.

    A score is out of reach if the next threshold is met by every value that meets its own.
    """
    lowest: int | Decimal | None = least
    for score, threshold in enumerate(thresholds, start=1):
        if lowest is None or lowest < threshold:
            yield score
            lowest = threshold
    yield 1 + len(thresholds)
