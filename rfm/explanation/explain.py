"""One explanation for each customer of a summary."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rfm._check.doors import as_polars
from rfm.explanation.frame import explain_frame
from rfm.explanation.left_out import left_out
from rfm.explanation.structure import (
    NUMBERS,
    UNITS,
    Explanation,
    Fall,
    Note,
    Number,
    Numbers,
    Raise,
    notes_of,
)
from rfm.explanation.ways import MOST_FALLS, MOST_RAISES, effective
from rfm.orders.rules import UNCOUNTED_STATUSES
from rfm.segments.grids import GRID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from typing import Unpack

    import polars as pl

    from rfm._check.doors import AnyFrame
    from rfm.columns import ColumnNames
    from rfm.model import Model
    from rfm.segments.maps import SegmentMap

_YEARS: Final = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def explain(
    summary: AnyFrame,
    model: Model,
    *,
    as_of: datetime | date | pl.Expr,
    segment_map: SegmentMap = GRID,
    orders: AnyFrame | None = None,
    **columns: Unpack[ColumnNames],
) -> list[Explanation]:
    """Explain the score of each customer of a summary.

    summary: as `rfm.summarize_orders` returns it. A LazyFrame is collected.
    model: the thresholds and weights.
    as_of: the instant of the summary: a datetime (UTC if it is naive), a date (its midnight UTC),
        or an expression on the summary.
    segment_map: which segment each triple of scores belongs to.
    orders: the orders that the summary was made from, to count in `notes` those that it leaves
        out. The falls then end before the first order that is dated after `as_of`.
    columns: other names of the columns of the orders, as in `rfm.summarize_orders`.

    Returns one explanation per row, in the order of the rows. For many customers, `explain_frame`
    gives the same as a frame, much faster.

    Raises what `explain_frame` raises, and InvalidFrame for orders that cannot be summarized.

    >>> import polars as pl
    >>> from rfm import PUBLISHED, summarize_orders
    >>> orders = pl.DataFrame({"customer_id": ["ada"], "ordered_at": [datetime(2026, 9, 1)],
    ...                        "amount": [80]})
    >>> at = datetime(2026, 11, 1)
    >>> [ada] = explain(summarize_orders(orders, as_of=at), PUBLISHED, as_of=at)
    >>> ada.lead_score, ada.category, ada.numbers.recency.points
    (15, 'Cool', 9)
    >>> ada.raises[1]
    Raise(orders=1, spend=Decimal('120.00'), lead_score=22, category='Warm')
    >>> ada.falls[0].at.isoformat(), ada.falls[0].lead_score
    ('2026-12-01T00:00:00+00:00', 12)
    """
    collected = as_polars(summary, "summary").lazy().collect()
    frame = explain_frame(collected, model, as_of=as_of, segment_map=segment_map)
    if orders is not None:
        counts = left_out(
            as_polars(orders, "orders"), frame.select("customer_id", "as_of"), **columns
        )
        frame = frame.join(counts, on="customer_id", how="left", maintain_order="left")
    return [_explanation(row, model) for row in frame.iter_rows(named=True)]


def _explanation(row: dict[str, Any], model: Model) -> Explanation:
    coming = row.get("next_order_at")
    return Explanation(
        customer_id=row["customer_id"],
        lead_score=row["lead_score"],
        category=row["category"],
        segment=row["segment"],
        as_of=_utc(row["as_of"]),
        model=None,
        segment_map=None,
        last_order_at=row["last_order_at"] and _utc(row["last_order_at"]),
        numbers=_numbers(row, model),
        raises=tuple(
            Raise(**one)
            for number in range(1, MOST_RAISES + 1)
            if (one := row[f"raise_{number}"])["orders"] is not None
        ),
        falls=tuple(
            Fall(**{**one, "at": _utc(one["at"])})
            for number in range(1, MOST_FALLS + 1)
            if (one := row[f"fall_{number}"])["at"] and (not coming or one["at"] < coming)
        ),
        notes=tuple(_notes(row)),
    )


def _numbers(row: dict[str, Any], model: Model) -> Numbers:
    named = zip(NUMBERS, effective(model), strict=True)
    return Numbers(**{name: _number(name, row[name], each) for name, each in named})


def _number(name: str, found: dict[str, Any], thresholds: tuple[Any, ...]) -> Number:
    value, score = found["value"], found["score"]
    return Number(
        value=Decimal(repr(value)) if isinstance(value, float) else value,
        unit=UNITS[name],
        score=score,
        # from the model: a column cannot hold every threshold
        threshold=thresholds[score - 2] if score > 1 else None,
        next_threshold=thresholds[score - 1] if score <= len(thresholds) else None,
        weight=found["weight"],
        points=found["points"],
        thresholds=thresholds,
    )


def _notes(row: dict[str, Any]) -> Iterator[Note]:
    yield from notes_of((status, row.get(status) or 0) for status in UNCOUNTED_STATUSES)
    if row.get("after_as_of"):
        since = row["next_order_at"]
        yield Note("after_as_of", orders=row["after_as_of"], since=since and _utc(since))
    if row.get("undated"):
        yield Note("undated", orders=row["undated"])


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)
