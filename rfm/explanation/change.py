"""What moved between two explanations of a customer, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rfm.errors import InvalidArgument
from rfm.explanation.structure import NUMBERS, Explanation, Number, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Move:
    """One of the three numbers whose points changed.

    number: `recency`, `frequency` or `monetary`.
    causes: one or two of
        `order`: an order was added, changed or taken away;
        `time`: time has passed, and no order is to blame;
        `model`: the thresholds or the weights changed.
    """

    number: str
    value_before: int | Decimal | None
    value_after: int | Decimal | None
    score_before: int
    score_after: int
    points_before: int
    points_after: int
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What moved between two explanations: `rfm.explain_change` returns it.

    moves: the numbers whose points changed; the changes of their points sum to the change of the
        lead score.
    """

    customer_id: Any
    lead_score_before: int
    lead_score_after: int
    category_before: str
    category_after: str
    segment_before: str
    segment_after: str
    moves: tuple[Move, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON has it; money is text."""
        found = asdict(self)
        found["moves"] = [
            {
                name: money_text(value) if isinstance(value, Decimal) else value
                for name, value in {**move, "causes": list(move["causes"])}.items()
            }
            for move in found["moves"]
        ]
        return found

    def sentences(self) -> list[str]:
        """Return the change in sentences: the total first, then each number with its cause."""
        total = f"{self.lead_score_before} ({self.category_before})"
        if self.lead_score_before == self.lead_score_after and not self.moves:
            return [f"The lead score is still {total}."]
        after = f"{self.lead_score_after} ({self.category_after})"
        return [f"The lead score went from {total} to {after}.", *map(_sentence, self.moves)]


_BECAUSE = {
    ("order",): "because of an order",
    ("time",): "because time has passed; no order is to blame",
    ("model",): "because the model changed",
    ("order", "model"): "because of an order and because the model changed",
    ("time", "model"): "because time has passed and because the model changed",
}


def explain_change(before: Explanation, after: Explanation) -> Change:
    """Tell which of recency, frequency and monetary moved, from what to what, and why.

    before, after: two explanations of one customer, such as of two instants or of two models.

    The cause of a move is `order` (added, changed or taken away), `time` (which alone moves
    recency only), or `model`; two of them if each alone would have moved the points. Raises
    InvalidArgument for explanations of two customers.

    >>> from datetime import date
    >>> import polars as pl
    >>> from rfm import PUBLISHED, explain, summarize_orders
    >>> orders = pl.DataFrame({"customer_id": ["ada"], "ordered_at": [date(2026, 10, 1)],
    ...                        "amount": [80]})
    >>> then, now = (explain(summarize_orders(orders, as_of=day), PUBLISHED, as_of=day)[0]
    ...              for day in (date(2026, 10, 2), date(2026, 12, 24)))
    >>> for sentence in explain_change(then, now).sentences():
    ...     print(sentence)
    The lead score went from 21 (Warm) to 15 (Cool).
    Recency went from 1 day (5) to 84 days (3), because time has passed; no order is to blame.
    """
    if before.customer_id != after.customer_id:
        raise InvalidArgument(
            f"the explanations are of two customers, {before.customer_id!r} and "
            f"{after.customer_id!r}; pass two of one customer"
        )
    return Change(
        customer_id=after.customer_id,
        lead_score_before=before.lead_score,
        lead_score_after=after.lead_score,
        category_before=before.category,
        category_after=after.category,
        segment_before=before.segment,
        segment_after=after.segment,
        moves=tuple(_moves(before, after)),
    )


def _moves(before: Explanation, after: Explanation) -> Iterator[Move]:
    by_time = before.last_order_at == after.last_order_at
    for name in NUMBERS:
        old: Number = getattr(before.numbers, name)
        new: Number = getattr(after.numbers, name)
        if (old.score, old.points) != (new.score, new.points):
            # an order that was moved in time changes the newest one; without one, time does it
            reason = "time" if name == "recency" and by_time else "order"
            has_order = after.numbers.frequency.value != 0
            causes = tuple(_causes(name, old, new, reason, has_order=has_order))
            points = (old.points, new.points)
            yield Move(name, old.value, new.value, old.score, new.score, *points, causes)


def _causes(name: str, old: Number, new: Number, reason: str, *, has_order: bool) -> Iterator[str]:
    """Name what moves the points: first the value under the old model, then the new model."""
    between = _score(name, new.value, old.thresholds) if has_order else 1
    if between != old.score:
        yield reason
    if (between * old.weight, between) != (new.points, new.score):
        yield "model"


def _score(name: str, value: int | Decimal | None, thresholds: tuple[int | Decimal, ...]) -> int:
    if value is None:
        return 1
    if name == "recency":
        return 1 + sum(value <= most for most in thresholds)
    return 1 + sum(value >= least for least in thresholds)


def _sentence(move: Move) -> str:
    old = f"{_shown(move.number, move.value_before)} ({move.score_before})"
    new = f"{_shown(move.number, move.value_after)} ({move.score_after})"
    label = {"recency": "Recency", "frequency": "Frequency", "monetary": "Spend"}[move.number]
    return f"{label} went from {old} to {new}, {_BECAUSE[move.causes]}."


def _shown(number: str, value: int | Decimal | None) -> str:
    if value is None:
        return "no order"
    if isinstance(value, Decimal):
        return money_text(value)
    unit = {"recency": "day", "frequency": "order"}.get(number, "")
    return f"{value:,} {unit}{'' if value == 1 else 's'}" if unit else f"{value}"
