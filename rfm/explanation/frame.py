"""The explanations of many customers as a frame: no loop over customers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, overload

import polars as pl

from rfm._check.doors import as_polars
from rfm._check.frames import check_columns, check_ids, finite_or_null
from rfm._check.kinds import COUNT, IDENTITY, INSTANT, MONEY, raise_problems
from rfm._check.wording import count, first_few
from rfm.errors import InvalidModel
from rfm.explanation.spend import exact_money, spend_to
from rfm.explanation.structure import NUMBERS
from rfm.explanation.ways import (
    CATEGORY_OF,
    MOST_FALLS,
    MOST_RAISES,
    State,
    Step,
    Way,
    effective,
    falls_of,
    raises_of,
    scale_of,
)
from rfm.instants import (
    DAY,
    EARLIEST,
    as_of_column,
    microseconds,
    microseconds_since_epoch,
    whole_days,
)
from rfm.model import CATEGORIES, Model
from rfm.scoring import three_scores
from rfm.segments.grids import GRID
from rfm.segments.maps import PROSPECT_KEY, check_segment_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from rfm._check.doors import AnyFrame, ArrowStream
    from rfm.segments.maps import SegmentMap

_SUMMARY: Final = {
    "customer_id": IDENTITY,
    "last_order_at": INSTANT,
    "recency_days": COUNT,
    "frequency": COUNT,
    "monetary": MONEY,
}
_CATEGORY: Final = pl.Enum(list(CATEGORIES))
_UTC: Final = pl.Datetime("us", "UTC")
_FIRST: Final = -719_162 * DAY  # the first microsecond of the year 1
_LATEST: Final = 2_932_897 * DAY - 1  # the last microsecond of the year 9999
_STATES: Final = 5**5
_SPEND_DIGITS: Final = 36


@overload
def explain_frame(
    summary: pl.LazyFrame,
    model: Model,
    *,
    as_of: datetime | date | pl.Expr,
    segment_map: SegmentMap = GRID,
) -> pl.LazyFrame: ...
@overload
def explain_frame(
    summary: ArrowStream,
    model: Model,
    *,
    as_of: datetime | date | pl.Expr,
    segment_map: SegmentMap = GRID,
) -> pl.DataFrame: ...
@overload
def explain_frame(
    summary: AnyFrame,
    model: Model,
    *,
    as_of: datetime | date | pl.Expr,
    segment_map: SegmentMap = GRID,
) -> pl.DataFrame | pl.LazyFrame: ...
def explain_frame(
    summary: AnyFrame,
    model: Model,
    *,
    as_of: datetime | date | pl.Expr,
    segment_map: SegmentMap = GRID,
) -> pl.DataFrame | pl.LazyFrame:
    """Explain the score of every customer of a summary, as a frame.

    summary: as `rfm.summarize_orders` returns it, one row per customer.
    model: the thresholds and weights.
    as_of: the instant of the summary: a datetime (UTC if it is naive), a date (its midnight UTC),
        or an expression on the summary.
    segment_map: which segment each triple of scores belongs to.

    Returns one row per customer, with the fields of `rfm.Explanation`: `customer_id`,
    `lead_score` (Int32), `category` (Enum), `segment` (Enum), `as_of`, `last_order_at` (UTC), and
    as structs `recency`, `frequency` and `monetary` (`value`, `score`, `threshold`,
    `next_threshold`, `weight`, `points`), `raise_1` to `raise_4` (`orders`, `spend`, `lead_score`,
    `category`) and `fall_1` to `fall_4` (`at`, `lead_score`, `category`). Where there are fewer
    raises or falls, `orders` or `at` is null. `spend` is an exact Decimal with two decimals, or as
    many as the monetary thresholds have.

    A LazyFrame gives a LazyFrame that streams; its ids are not checked.

    Raises InvalidFrame for missing columns, wrong types, null or repeated ids, and if
    `recency_days` is not what `last_order_at` and `as_of` give. Raises InvalidAsOf, InvalidModel
    and InvalidSegmentMap for arguments of another type.

    >>> from datetime import date
    >>> from rfm import PUBLISHED, summarize_orders
    >>> orders = pl.DataFrame({"customer_id": ["ada"], "ordered_at": [date(2026, 9, 1)],
    ...                        "amount": [80]})
    >>> summary = summarize_orders(orders, as_of=date(2026, 11, 1))
    >>> explain_frame(summary, PUBLISHED, as_of=date(2026, 11, 1)).select(
    ...     "lead_score", "raise_1", "fall_1").row(0, named=True)["raise_1"]
    {'orders': 1, 'spend': Decimal('0.00'), 'lead_score': 21, 'category': 'Warm'}
    """
    if not isinstance(model, Model):
        found = type(model).__name__
        raise InvalidModel(f"model is a {found}, not an rfm.Model; make one with rfm.Model(...)")
    check_segment_map(segment_map)
    frame = as_polars(summary, "summary")
    schema = check_columns(frame, "summary", _SUMMARY, "call rfm.summarize_orders first")
    instant = (
        as_of_column(as_of, frame)
        if isinstance(as_of, pl.Expr)
        else pl.lit(microseconds_since_epoch(as_of), pl.Int64)
    )
    explainer = _Explainer(model, segment_map, schema)
    prepared = frame.select(*_columns(schema, instant))
    if isinstance(prepared, pl.DataFrame):
        check_ids(prepared["customer_id"], "summary")
        return explainer.explain(prepared)
    return prepared.map_batches(
        explainer.explain,
        schema=explainer.explain(pl.DataFrame(schema=prepared.collect_schema())).schema,
        streamable=True,
        projection_pushdown=False,
        predicate_pushdown=False,
    )


def _columns(schema: pl.Schema, instant: pl.Expr) -> Iterator[pl.Expr]:
    yield pl.col("customer_id")
    yield microseconds(pl.col("last_order_at"), schema["last_order_at"]).alias("last")
    yield pl.when(pl.col("frequency") >= 1).then(pl.col("recency_days")).alias("recency_days")
    yield pl.col("frequency", "monetary")
    yield instant.alias("as_of")


class _Explainer:
    """What does not depend on the customers: the model's tables, and the expressions."""

    def __init__(self, model: Model, segment_map: SegmentMap, schema: pl.Schema) -> None:
        self.model = model
        self.segment_map = segment_map
        self.schema = pl.Schema({name: schema[name] for name in _SUMMARY})
        self.scale = scale_of(model)

    def explain(self, customers: pl.DataFrame) -> pl.DataFrame:
        """Return the explanations of some customers."""
        _check_recency(customers)
        scored = customers.lazy().with_columns(*self._scores(), *self._values())
        scored = scored.with_columns(_state().alias("state"), *self._cells())
        coded = scored.collect(engine="streaming")
        codes = sorted(coded["state"].unique())
        places = {code: place for place, code in enumerate(codes)}
        coded = coded.with_columns(way=_table(places, "state", _STATES, pl.UInt32()))
        return coded.select(
            "customer_id",
            _table({one: one for one in range(31)}, "lead", 31, pl.Int32()).alias("lead_score"),
            _table(CATEGORY_OF, "lead", 31, _CATEGORY).alias("category"),
            self._segment().alias("segment"),
            pl.col("as_of").cast(_UTC),
            pl.when(pl.col("last") >= _FIRST).then("last").cast(_UTC).alias("last_order_at"),
            *self._numbers(),
            *self._raises([_decoded(code) for code in codes]),
            *self._falls(),
        )

    def _cells(self) -> Iterator[pl.Expr]:
        """Yield the columns that the tables are read by."""
        recency, frequency, monetary = (pl.col(f"{name}_score") for name in NUMBERS)
        r, f, m = self.model.weights
        lead = r * recency + f * frequency + m * monetary
        yield lead.alias("lead")
        yield ((recency - 1) * 31 + lead).alias("cell")
        triple = 25 * recency + 5 * frequency + monetary - 31
        yield pl.when(pl.col("frequency_value") >= 1).then(triple).otherwise(125).alias("triple")

    def _scores(self) -> list[pl.Expr]:
        now = three_scores(self.model, self.schema)
        after = three_scores(self.model, self.schema, more_orders=1)
        names = ("recency_score", "frequency_score", "monetary_score")
        return [
            *(score.cast(pl.UInt32).alias(name) for name, score in zip(names, now, strict=True)),
            after[1].cast(pl.UInt32).alias("frequency_after"),
            after[2].cast(pl.UInt32).alias("monetary_after"),
        ]

    def _values(self) -> list[pl.Expr]:
        return [
            finite_or_null("recency_days", self.schema).cast(pl.Int64).alias("recency_value"),
            finite_or_null("frequency", self.schema)
            .fill_null(0)
            .cast(pl.Int64)
            .alias("frequency_value"),
            exact_money(self.schema["monetary"]).alias("monetary_value"),
        ]

    def _numbers(self) -> Iterator[pl.Expr]:
        money = pl.Decimal(38, self.scale)
        dtypes = (pl.Int64(), pl.Int64(), money)
        for name, weight, thresholds, dtype in zip(
            NUMBERS, self.model.weights, effective(self.model), dtypes, strict=True
        ):
            met = dict(enumerate(thresholds, start=2))
            following = dict(enumerate(thresholds, start=1))
            points = {score: score * weight for score in range(1, 6)}
            index = f"{name}_score"
            yield pl.struct(
                pl.col(f"{name}_value").alias("value"),
                pl.col(index).cast(pl.UInt8).alias("score"),
                _table(met, index, 6, dtype).alias("threshold"),
                _table(following, index, 6, dtype).alias("next_threshold"),
                pl.lit(weight, pl.UInt8).alias("weight"),
                _table(points, index, 6, pl.UInt8()).alias("points"),
            ).alias(name)

    def _segment(self) -> pl.Expr:
        keys = {
            25 * r + 5 * f + m - 31: key for (r, f, m), key in self.segment_map.by_triple.items()
        }
        prospect = {125: PROSPECT_KEY}
        return _table(keys | prospect, "triple", 126, pl.Enum(self.segment_map.keys))

    def _raises(self, states: list[State]) -> Iterator[pl.Expr]:
        ways = [raises_of(self.model, state) for state in states]
        for number in range(MOST_RAISES):
            found = [one[number] if number < len(one) else None for one in ways]
            yield self._raise(found).alias(f"raise_{number + 1}")

    def _raise(self, ways: list[Way | None]) -> pl.Expr:
        least = -(Decimal(10) ** (_SPEND_DIGITS - self.scale))  # less than any spend
        found = {place: way for place, way in enumerate(ways) if way}
        orders = {place: way.orders or 0 for place, way in found.items()}
        spends = {place: least if way.spend is None else way.spend for place, way in found.items()}
        categories = {place: CATEGORY_OF[way.lead_score] for place, way in found.items()}
        size = len(ways)
        to_reach = _table(spends, "way", size, pl.Decimal(38, self.scale))
        more = _table(orders, "way", size, pl.Int64()) - pl.col("frequency_value")
        lead_scores = {place: way.lead_score for place, way in found.items()}
        return pl.struct(
            more.clip(lower_bound=1).alias("orders"),
            spend_to(to_reach, self.schema["monetary"], self.scale).alias("spend"),
            _table(lead_scores, "way", size, pl.UInt8()).alias("lead_score"),
            _table(categories, "way", size, _CATEGORY).alias("category"),
        )

    def _falls(self) -> Iterator[pl.Expr]:
        steps = {score: falls_of(self.model, score) for score in range(1, 6)}
        for number in range(MOST_FALLS):
            found = {score: one[number] for score, one in steps.items() if number < len(one)}
            yield _fall(found).alias(f"fall_{number + 1}")


def _fall(steps: dict[int, Step]) -> pl.Expr:
    # a cell for each pair of recency score and lead score
    scores = {
        (recency - 1) * 31 + lead_score: lead_score - step.points
        for recency, step in steps.items()
        for lead_score in range(6 + step.points, 31)
    }
    categories = {cell: CATEGORY_OF[score] for cell, score in scores.items()}
    later = {recency: step.microseconds for recency, step in steps.items()}
    at = pl.col("last") + _table(later, "recency_score", 6, pl.Int64())
    return pl.struct(
        pl.when(at <= _LATEST).then(at).cast(_UTC).alias("at"),
        _table(scores, "cell", 5 * 31, pl.UInt8()).alias("lead_score"),
        _table(categories, "cell", 5 * 31, _CATEGORY).alias("category"),
    )


def _state() -> pl.Expr:
    code = pl.lit(0, pl.UInt32)
    for name in State._fields:
        code = code * 5 + pl.col(name if name.endswith("_after") else f"{name}_score") - 1
    return code


def _decoded(code: int) -> State:
    scores = []
    for _ in State._fields:
        code, score = divmod(code, 5)
        scores.append(score + 1)
    return State(*reversed(scores))


def _table(cells: dict[int, Any], index: str, size: int, dtype: pl.DataType) -> pl.Expr:
    """Return what the table has for the column `index`, UInt32: null where it has nothing."""
    values = _fitting([cells.get(place) for place in range(size)], dtype)
    return pl.lit(pl.Series(values, dtype=dtype)).gather(pl.col(index))


def _fitting(values: list[Any], dtype: pl.DataType) -> list[Any]:
    """Return the values, with None for those that no column can hold."""
    if isinstance(dtype, pl.Decimal):
        end: Decimal | int = Decimal(10) ** (38 - dtype.scale)
    elif dtype == pl.Int64:
        end = 2**63
    else:
        return values
    return [None if value is None or value >= end else value for value in values]


def _check_recency(customers: pl.DataFrame) -> None:
    """Raise InvalidFrame unless the recency is that of the newest order at `as_of`."""
    days = pl.when(pl.col("last") >= EARLIEST).then(whole_days(pl.col("last"), pl.col("as_of")))
    wrong = pl.col("frequency").ge(1) & days.ne_missing(pl.col("recency_days").cast(pl.Int64))
    ids = customers.filter(wrong)["customer_id"]
    if len(ids):
        raise_problems(
            f"{count(len(ids), 'customer')} with another recency_days than last_order_at and as_of "
            f"give: {first_few(ids)}; pass the as_of of the summary"
        )
