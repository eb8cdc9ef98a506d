"""What a backfill has done."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from rfm.segments.moves import Moves, count_moves
from rfm.stored import REASONS


@dataclass(slots=True)
class Backfill:
    """What a backfill has done so far, or in the end.

    customers: how many there were when it began.
    looked_at: how many of them have been compared with their orders.
    rescored: how many were out of date and were scored again.
    reasons: how many of these for which reason: `unscored`, `model` (scored with another model),
        `drifted` (not what the orders give), `aged` (time has passed).
    moves: how many of these went from which category to which, or stayed in theirs.
    from_queue: how many were scored at the end who waited in `lead_score_queue`: an order, or this
        backfill, could not score them at once.
    waiting: how many still wait there, by the SQLSTATE of what went wrong: 55P03 for a customer
        that another session has locked, 23514 for one that breaks a check constraint.
    seconds: how long it took.
    finished: whether it came to the end.
    """

    customers: int = 0
    looked_at: int = 0
    rescored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    moves: Moves = field(default_factory=Counter)
    from_queue: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    finished: bool = False

    @property
    def changed(self) -> int:
        """How many are in another category than before."""
        return sum(number for (before, after), number in self.moves.items() if before != after)

    def add_rescored(self, rescored: pl.DataFrame) -> None:
        """Count customers that were scored again.

        rescored: one row per customer, with `reason`, `lead_score` (before) and `lead_score_after`.
        """
        self.rescored += rescored.height
        self.reasons.update(rescored["reason"].to_list())
        self.moves += count_moves(rescored["lead_score"], rescored["lead_score_after"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything for `json.dumps`; the moves by the category before, then after.

        >>> Backfill(moves=Counter({("Warm", "Hot"): 2})).to_dict()["moves"]
        {'Warm': {'Hot': 2}}
        """
        moves: dict[str, dict[str, int]] = {}
        for (before, after), number in sorted(self.moves.items()):
            moves.setdefault(before, {})[after] = number
        return asdict(self) | {
            "reasons": {reason: self.reasons[reason] for reason in REASONS},
            "moves": moves,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
        }
