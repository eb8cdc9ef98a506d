"""An explanation in sentences, for people."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rfm._check.wording import count
from rfm.explanation.structure import Note, Number, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rfm.explanation.structure import Explanation, Raise


def sentences(explanation: Explanation) -> list[str]:
    """Return an explanation in sentences, one a line: the score, its parts, raises, falls, notes.

    >>> from datetime import date
    >>> import polars as pl
    >>> from rfm import PUBLISHED, explain, summarize_orders
    >>> orders = pl.DataFrame({"customer_id": ["ada"], "ordered_at": [date(2026, 10, 1)],
    ...                        "amount": [80]})
    >>> day = date(2026, 11, 1)
    >>> for sentence in sentences(explain(summarize_orders(orders, as_of=day), PUBLISHED,
    ...                                   as_of=day)[0]):
    ...     print(sentence)
    Lead score 18 (Warm), segment potential_loyalist, as of 2026-11-01 00:00 UTC.
    Recency: the newest order is 31 days old: score 4 of 5, 12 points.
    Frequency: 1 order: score 2 of 5, 4 points.
    Spend: 80.00: score 2 of 5, 2 points.
    One order of any amount today: 21 (Warm).
    One order of at least 120.00 today: 22 (Warm).
    One order of at least 420.00 today: 23 (Warm).
    One order of at least 920.00 today: 24 (Hot).
    Without another order, it falls on 2026-12-01 00:00 UTC to 15 (Cool).
    Without another order, it falls on 2026-12-31 00:00 UTC to 12 (Cool).
    Without another order, it falls on 2027-03-31 00:00 UTC to 9 (Cold).
    """
    return list(_sentences(explanation))


def _sentences(one: Explanation) -> Iterator[str]:
    total = _score(one.lead_score, one.category)
    yield f"Lead score {total}, segment {one.segment}, as of {_instant(one.as_of)}."
    yield f"Recency: {_recency(one)}: {_points(one.numbers.recency)}."
    orders = int(one.numbers.frequency.value or 0)
    yield f"Frequency: {count(orders, 'order')}: {_points(one.numbers.frequency)}."
    yield f"Spend: {_money(one.numbers.monetary.value)}: {_points(one.numbers.monetary)}."
    yield from map(_raise, one.raises)
    for fall in one.falls:
        to = _score(fall.lead_score, fall.category)
        yield f"Without another order, it falls on {_instant(fall.at)} to {to}."
    yield from map(_note, one.notes)


def _recency(one: Explanation) -> str:
    days = one.numbers.recency.value
    if days is None:
        return "no order counts" if not one.numbers.frequency.value else "the orders have no date"
    return f"the newest order is {count(int(days), 'day')} old"


def _points(number: Number) -> str:
    return f"score {number.score} of 5, {count(number.points, 'point')}"


def _raise(one: Raise) -> str:
    amount = f"at least {_money(one.spend)}" if one.spend else "any amount"
    act = f"One order of {amount}"
    if one.orders > 1:
        act = f"{one.orders:,} orders of {amount}{' together' if one.spend else ''}"
    return f"{act} today: {_score(one.lead_score, one.category)}."


def _note(note: Note) -> str:
    orders = count(note.orders or 0, "order")
    since = f" since {_instant(note.since)}" if note.since else ""
    first = f", the first on {_instant(note.since)}" if note.since else ""
    verb = "does" if note.orders == 1 else "do"
    sentence = {
        "uncounted_status": f"{orders} with status {note.status} {verb} not count.",
        "after_as_of": f"{orders} with a later date {verb} not count yet{first}.",
        "undated": f"{orders} without a date {verb} not count.",
        "not_scored": "The database has not scored this customer yet: the numbers are for now.",
        "queued": f"Not up to date: the customer waits for a new score{since} "
        f"(SQLSTATE {note.sqlstate}).",
        "stored_score": f"Not up to date: the database still has {note.lead_score}.",
        "time": f"Not up to date: time has passed, and the score is lower{since}.",
        "hidden_orders": "Orders that you may not see are left out.",
    }
    return sentence[note.kind]


def _score(lead_score: int, category: str) -> str:
    return f"{lead_score} ({category})"


def _money(amount: Decimal | int | None) -> str:
    return money_text(Decimal(amount or 0))


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
