"""What an explanation is made of, and the JSON that every rendering shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

NUMBERS: Final = ("recency", "frequency", "monetary")
"""The three numbers, in the order of a model's weights."""

UNITS: Final = {"recency": "days", "frequency": "orders", "monetary": "currency"}
"""The unit of each number; `currency` is the currency's main unit."""

_CENT_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Number:
    """One of the three numbers of a customer, and what it adds to the lead score.

    value: days since the newest counted order (None without one), counted orders, or spend.
    unit: `days`, `orders` or `currency`, the currency's main unit.
    score: 1 to 5.
    threshold: the threshold that earns this score; None for a score of 1.
    next_threshold: the one that earns the next better score; None if there is no better one.
    weight: the model's weight for this number.
    points: `weight` times `score`. The points of the three numbers sum to the lead score.
    thresholds: all thresholds of the model, for the scores 2, 3, 4, 5. A customer needs one order
        for any point, and negative spend earns none: so a frequency threshold below 1 is 1 here,
        and a monetary threshold below 0 is 0.
    """

    value: int | Decimal | None
    unit: str
    score: int
    threshold: int | Decimal | None
    next_threshold: int | Decimal | None
    weight: int
    points: int
    thresholds: tuple[int | Decimal, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The three numbers of a customer."""

    recency: Number
    frequency: Number
    monetary: Number


@dataclass(frozen=True, slots=True)
class Raise:
    """So many more orders, of `spend` together, give this lead score.

    One order less does not, and neither does less spend: one cent, or one step of the model's
    monetary thresholds if they have more than two decimals.
    """

    orders: int
    spend: Decimal
    lead_score: int
    category: str


@dataclass(frozen=True, slots=True)
class Fall:
    """At this instant the lead score falls to this one, if no other order comes before."""

    at: datetime
    lead_score: int
    category: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the explanation leaves out, or what to know about the stored score.

    kind: one of
        `uncounted_status`: so many `orders` do not count, because of their `status`;
        `after_as_of`: so many `orders` are dated after `as_of`, the first of them at `since`;
        `undated`: so many `orders` have no finite time, and never count;
        `not_scored`: the database has not scored the customer yet, the numbers are for now;
        `queued`: the customer waits for a new score, `since` then, because of `sqlstate`;
        `stored_score`: the database still has another `lead_score`, which is not up to date;
        `time`: since `since` the lead score is lower, because time has passed;
        `hidden_orders`: row-level security may hide orders of this customer from the reader.
    """

    kind: str
    orders: int | None = None
    status: str | None = None
    lead_score: int | None = None
    sqlstate: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer has a lead score, what raises it, and when it falls.

    customer_id: as in the summary; text from a database.
    lead_score: 6 to 30.
    category: `Hot`, `Warm`, `Cool` or `Cold`.
    segment: the key of the segment.
    as_of: the instant that the numbers are true for, in UTC.
    model, segment_map: their numbers in the database; None outside of one.
    last_order_at: the newest counted order, in UTC; None without one, or if it has no finite time.
    numbers: the three numbers and their points.
    raises: at most four, the cheapest way to each higher score: fewer orders first, then less
        spend.
    falls: when the lead score falls, if no other order comes; up to the year 9999.
    notes: what was left out, with counts.

    `to_dict()` is its JSON; `rfm.explanation_schema()` describes it.
    """

    customer_id: Any
    lead_score: int
    category: str
    segment: str
    as_of: datetime
    model: int | None
    segment_map: int | None
    last_order_at: datetime | None
    numbers: Numbers
    raises: tuple[Raise, ...]
    falls: tuple[Fall, ...]
    notes: tuple[Note, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON has it; money and instants are text.

        >>> from rfm import PUBLISHED, explain, summarize_orders
        >>> import polars as pl
        >>> orders = pl.DataFrame({"customer_id": ["ada"], "amount": [Decimal("80.5")],
        ...                        "ordered_at": [datetime(2026, 10, 20)]})
        >>> at = datetime(2026, 11, 1)
        >>> [one] = explain(summarize_orders(orders, as_of=at), PUBLISHED, as_of=at)
        >>> one.to_dict()["numbers"]["monetary"]["value"], one.to_dict()["as_of"]
        ('80.50', '2026-11-01T00:00:00.000000Z')
        >>> Explanation.from_dict(one.to_dict()) == one
        True
        """
        found = {one.name: _plain(getattr(self, one.name)) for one in fields(self)}
        found["notes"] = [
            {name: value for name, value in note.items() if value is not None}
            for note in found["notes"]
        ]
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Read an explanation from the JSON that `to_dict`, or SQL, writes."""
        return cls(
            **{
                **found,
                "as_of": instant_of(found["as_of"]),
                "last_order_at": instant_of(found["last_order_at"]),
                "numbers": Numbers(
                    **{name: _number(name, found["numbers"][name]) for name in NUMBERS}
                ),
                "raises": tuple(
                    Raise(**{**one, "spend": Decimal(one["spend"])}) for one in found["raises"]
                ),
                "falls": tuple(
                    Fall(**{**one, "at": instant_of(one["at"])}) for one in found["falls"]
                ),
                "notes": tuple(
                    Note(**{**one, "since": instant_of(one.get("since"))}) for one in found["notes"]
                ),
            }
        )


def money_text(amount: Decimal) -> str:
    """Return an amount as exact text, with two decimals or more.

    >>> money_text(Decimal("1E+2")), money_text(Decimal("0.12500"))
    ('100.00', '0.125')
    """
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<{_CENT_DIGITS}}"


def instant_text(instant: datetime) -> str:
    """Return an instant as text in UTC, with microseconds."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def instant_of(text: str | None) -> datetime | None:
    """Read the text that `instant_text` writes."""
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, Decimal):
        return money_text(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Numbers | Number | Raise | Fall | Note):
        return {name: _plain(one) for name, one in asdict(value).items()}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if isinstance(value, int | str | None) else str(value)


def _number(name: str, found: Mapping[str, Any]) -> Number:
    if name != "monetary":
        return Number(**{**found, "thresholds": tuple(found["thresholds"])})
    money = {field: found[field] for field in ("value", "threshold", "next_threshold")}
    return Number(
        **{
            **found,
            **{field: None if text is None else Decimal(text) for field, text in money.items()},
            "thresholds": tuple(map(Decimal, found["thresholds"])),
        }
    )


def notes_of(counts: Iterable[tuple[str, int]]) -> tuple[Note, ...]:
    """Return the notes on uncounted statuses, those without an order left out."""
    return tuple(
        Note("uncounted_status", orders=number, status=status)
        for status, number in counts
        if number
    )
