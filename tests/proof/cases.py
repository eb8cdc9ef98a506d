"""The table of cases, for every engine: orders, a model, and the three scores that they make."""

from datetime import timedelta
from typing import NamedTuple

import rfm

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GRACE = timedelta(minutes=5)  # how far ahead of the database an order may lie and count at once


class Case(NamedTuple):
    fact: str
    orders: list[tuple[timedelta, int | None, str | None]]  # age, cents, status
    scores: tuple[int, int, int]  # recency, frequency, monetary
    model: rfm.Model = rfm.PUBLISHED

    @property
    def expected(self):
        """The lead score, then the three that it is made of."""
        return (
            sum(w * s for w, s in zip(self.model.weights, self.scores, strict=True)),
            *self.scores,
        )


def days(number):
    return timedelta(days=number) + HOUR


def one(age=HOUR, cents=100, status="paid"):
    return [(age, cents, status)]


NOBODY = (1, 1, 1)
RECENCY = [
    (0, 5), (30, 5), (31, 4), (60, 4), (61, 3), (90, 3), (91, 2), (180, 2), (181, 1), (9999, 1),
]  # fmt: skip
FREQUENCY = [(1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (11, 5)]
MONETARY = [
    (None, 1), (-1, 1), (0, 1), (4999, 1), (5000, 2), (19999, 2), (20000, 3), (49999, 3),
    (50000, 4), (99999, 4), (100000, 5), (2**63 - 1, 5), (-(2**63), 1),
]  # fmt: skip
UNCOUNTED = ["cancelled", "Canceled", "REFUNDED", "failed", "FAILED", "Void"]
COUNTED = [None, "", "paid", "pending", "voided", " void", "cancelled "]
WEIGHTS = [(3, 2, 1), (1, 1, 4), (2, 2, 2)]

GENEROUS = rfm.Model(recency=[9999] * 4, frequency=[0] * 4, monetary=[-1000] * 4)
EQUAL = rfm.Model(recency=(30, 30, 30, 7), frequency=(2, 2, 3, 3), monetary=(1, 1, 1, 1))
SHORT = rfm.Model(recency=(30, 7), frequency=(1,), monetary=())

CASES = [
    *(Case(f"{n} days", one(age=days(n)), (score, 2, 1)) for n, score in RECENCY),
    Case("no order", [], NOBODY),
    *(Case(f"{n} orders", one() * n, (5, score, 1)) for n, score in FREQUENCY),
    *(Case(f"{c} cents", one(cents=c), (5, 2, score)) for c, score in MONETARY),
    *(Case(f"{s} does not count", one(status=s), NOBODY) for s in UNCOUNTED),
    *(Case(f"{s!r} counts", one(status=s), (5, 2, 1)) for s in COUNTED),
    Case("a future order does not count yet", one(age=-GRACE - MINUTE), NOBODY),
    Case("cents add up", [(HOUR, 2500, "paid"), (HOUR, 2500, None)], (5, 2, 2)),
    Case("a cent too few", [(HOUR, 2499, "paid"), (HOUR, 2500, None)], (5, 2, 1)),
    Case("no order earns no point whatever the thresholds", [], NOBODY, GENEROUS),
    Case("no negative spend does", one(cents=-500), (5, 5, 1), GENEROUS),
    Case("spending nothing does", one(cents=0), (5, 5, 5), GENEROUS),
    Case("equal thresholds are met together", one(age=days(20)) * 2, (4, 3, 5), EQUAL),
    Case("a short list ends early", one() * 50, (3, 2, 1), SHORT),
    *(
        Case(f"weights {w}", one(cents=50000) * 3, (5, 3, 5), rfm.Model(weights=w))
        for w in WEIGHTS
    ),
]  # fmt: skip
