"""The scores of `rfm`, computed where the orders already are: through Ibis, in SQL.

Orders come as an Ibis table of BigQuery, Databricks, DuckDB, PostgreSQL, Snowflake or Spark, and
what comes back is an Ibis table, too: nothing but thresholds ever leaves the engine. Needs the
extra `warehouse`, and Ibis' own extra of the engine, for example `ibis-framework[pyspark]`.

>>> from datetime import date
>>> import ibis, polars as pl, rfm
>>> orders = ibis.memtable(pl.DataFrame({
...     "customer_id": ["ada", "ada", "bob"],
...     "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2024, 6, 5)],
...     "amount": [20, 35, 500],
... }))
>>> scores = score_orders(orders, as_of=date(2025, 1, 31), model=rfm.PUBLISHED)
>>> scores.order_by("customer_id").to_polars().select("customer_id", "lead_score").rows()
[('ada', 21), ('bob', 11)]
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from rfm._check.frames import Kind, check_schema, many, refuse, some
from rfm.errors import InvalidFrame, MissingExtra
from rfm.model import Model
from rfm.quintiles import refuse_unfit
from rfm.scoring import check_model
from rfm.summary import (
    DAY,
    EARLIEST,
    EPOCH,
    UNCOUNTED_STATUSES,
    microseconds_since_epoch,
)

try:
    import ibis
    import ibis.expr.datatypes as dt
    from ibis.common.exceptions import IbisError
except ImportError as error:
    raise MissingExtra(
        "Ibis is not installed; pip install 'rfm-scoring[warehouse]' and the extra of your engine, "
        "for example 'ibis-framework[duckdb]'"
    ) from error

from rfm.warehouse.instants import INSTANTS, is_finer  # needs Ibis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import ibis.expr.types as ir

__all__ = ["fit", "score_orders", "score_summary", "summarize_orders"]

_FIRST: Final = microseconds_since_epoch(datetime.min.replace(tzinfo=UTC))
_LAST: Final = microseconds_since_epoch(datetime.max.replace(tzinfo=UTC))
_INT64_MAX: Final = 2**63 - 1
_DIGITS: Final = 38
_UP: Final = Context(prec=100, rounding=ROUND_CEILING)
_FIFTHS: Final = (1, 2, 3, 4)

_IDENTITY: Final = Kind(
    "an integer, text or another flat and exact type",
    lambda dtype: not (dtype.is_floating() or dtype.is_nested() or dtype.is_json()),
    'cast it to "int64" or "string"',
)
_INSTANT: Final = Kind(
    "a date or timestamp",
    lambda dtype: dtype.is_date() or dtype.is_timestamp(),
    'parse it with .as_timestamp() or .cast("timestamp")',
)
_MONEY: Final = Kind(
    "an integer, decimal or float",
    lambda dtype: dtype.is_numeric() and not dtype.is_boolean(),
    'cast it to "decimal(38, 2)"',
)
_TEXT: Final = Kind("text", lambda dtype: dtype.is_string(), 'cast it to "string"')
_WHOLE: Final = Kind("an integer", lambda dtype: dtype.is_integer(), 'cast it to "int64"')
_SUMMARY: Final = {"recency_days": _WHOLE, "frequency": _WHOLE, "monetary": _MONEY}


class _Names(NamedTuple):
    """What the columns of the orders are called."""

    customer_id: str
    ordered_at: str
    amount: str
    status: str


# ---------------------------------------------------------------- what a user calls


def score_orders(  # noqa: PLR0913 - four are the names of columns
    orders: ir.Table,
    *,
    as_of: datetime | date,
    model: Model | None = None,
    customer_id: str = "customer_id",
    ordered_at: str = "ordered_at",
    amount: str = "amount",
    status: str = "status",
) -> ir.Table:
    """Score the customers of a table of orders.

    The same as `summarize_orders` and then `score_summary`; their arguments, columns and errors.
    Without a model quintiles are fitted, which reads the orders once before the scores do: keep the
    summary with `.cache()` where that costs too much.

    >>> from rfm import PUBLISHED
    >>> scores = score_orders(_example(), as_of=date(2025, 1, 31), model=PUBLISHED)
    >>> scores.columns[5:]
    ('rfm_recency', 'rfm_frequency', 'rfm_monetary', 'lead_score')
    """
    check_model(model)
    names = _Names(customer_id, ordered_at, amount, status)
    return _score(_summarize(orders, microseconds_since_epoch(as_of), names), model)


def summarize_orders(  # noqa: PLR0913 - four are the names of columns
    orders: ir.Table,
    *,
    as_of: datetime | date,
    customer_id: str = "customer_id",
    ordered_at: str = "ordered_at",
    amount: str = "amount",
    status: str = "status",
) -> ir.Table:
    """Summarize orders as one row per customer, as `rfm.summarize_orders` does.

    orders: an Ibis table of one row per order. The columns, which the keywords may name otherwise:
        `customer_id`: anything flat but floats; no nulls.
        `ordered_at`: date (its midnight UTC) or timestamp (UTC where it has no zone), whatever the
            time zone of the session.
        `amount`: integer, decimal or float, in the currency's main unit. A null, NaN or infinite
            amount adds 0.
        `status`: text, if there is such a column.
    as_of: the instant that the summary is true for: a datetime (UTC where it is naive) or a date
        (its midnight UTC).

    Returns an Ibis table, not computed yet, its rows in no particular order:

    `customer_id`: as in the orders.
    `last_order_at`: timestamp with the zone UTC, the newest counted order; null where none counts,
        or where it lies at -infinity.
    `recency_days`: int64, whole 24-hour days from then to `as_of`, rounded down, or null.
    `frequency`: int64, how many orders count.
    `monetary`: the sum of their amounts, 0 where none counts: decimal(38, s) for integers (s = 0)
        and decimals, float64 for floats. A sum of more digits is an error of the engine's (a null
        in a Spark without ANSI mode).

    One query runs at once: it counts the rows without a customer. It is left out where the engine
    says that the column holds no nulls.

    Raises InvalidFrame for missing columns, wrong types, null ids, and an engine that is not
    known; InvalidAsOf for an `as_of` that is no instant.

    >>> summary = summarize_orders(_example(), as_of=date(2025, 1, 31)).order_by("customer_id")
    >>> summary.select("customer_id", "recency_days", "frequency", "monetary").to_polars().rows()
    [('ada', 22, 2, Decimal('55')), ('bob', None, 0, Decimal('0'))]
    """
    names = _Names(customer_id, ordered_at, amount, status)
    return _summarize(orders, microseconds_since_epoch(as_of), names)


def fit(summary: ir.Table) -> Model:
    """Find the quintile model of a summary, exactly the one that `rfm.fit` finds.

    summary: one row per customer with `recency_days`, `frequency` (integers) and `monetary`
        (integer, decimal or float), as `summarize_orders` returns it.

    Runs one query, which returns one row. Its work beyond the summary is a count of customers per
    distinct value of each number: see `docs/explanation/scaling.md`.

    Raises InvalidFrame for missing columns, wrong types or recency_days below 0, and EmptyFit where
    no customer has a counted order.

    >>> fit(summarize_orders(_example(), as_of=date(2025, 1, 31))).recency
    ()
    """
    _check(summary, "summary", _SUMMARY, "call rfm.warehouse.summarize_orders first")
    return _fit(summary)


def score_summary(summary: ir.Table, model: Model | None = None) -> ir.Table:
    """Score the customers of a summary, as `rfm.score_frame` does.

    summary: as for `fit`; customers' ids are not looked at.
    model: the thresholds and weights; without one `fit` runs its query at once.

    Returns an Ibis table, not computed yet: all columns in their order, then `rfm_recency` and
    `rfm_frequency` (int32), `rfm_monetary` (decimal(3, 2)) and `lead_score` (int32).

    Raises InvalidFrame for missing columns or wrong types, InvalidModel for a model that is none,
    and EmptyFit where there is no model and nobody with a counted order to fit one on.

    >>> from rfm import PUBLISHED
    >>> scores = score_summary(summarize_orders(_example(), as_of=date(2025, 1, 31)), PUBLISHED)
    >>> scores.order_by("customer_id").to_polars()["lead_score"].to_list()
    [21, 6]
    """
    check_model(model)
    _check(summary, "summary", _SUMMARY, "call rfm.warehouse.summarize_orders first")
    return _score(summary, model)


# ---------------------------------------------------------------- what is asked at the door


def _check(
    table: ir.Table,
    name: str,
    kinds: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind] | None = None,
) -> None:
    if not isinstance(table, ibis.Table):
        found = type(table).__name__
        raise InvalidFrame(
            f"{name} is a {found}, not an Ibis table; get one by connection.table(name), or make "
            f"one by ibis.memtable({name})"
        )
    check_schema(table.schema(), name, kinds, remedy, optional or {})


def _check_orders(orders: ir.Table, names: _Names) -> None:
    kinds = {
        names.customer_id: _IDENTITY,
        names.ordered_at: _INSTANT,
        names.amount: _MONEY,
    }
    status = {names.status: _TEXT}
    if names.status != "status":  # a name that was asked for has to be there
        kinds |= status
    remedy = 'name yours, for example `customer_id="buyer"`'
    _check(orders, "orders", kinds, remedy, status)


def _refuse_nameless(ids: ir.Column) -> None:
    if not ids.type().nullable:
        return
    lost = ids.isnull().sum().to_pyarrow().as_py()  # null where there is no row
    if lost:
        name = ids.get_name()
        refuse(
            f"{many(lost, 'row')} of orders without {name!r}; "
            f"leave them out with .drop_null({name!r})"
        )


def _engine_of(orders: ir.Table) -> str:
    try:
        name: str = orders.get_backend().name
    except IbisError as error:
        raise InvalidFrame(
            "orders are of no engine, or of more than one; get them by connection.table(name)"
        ) from error
    if name not in INSTANTS:
        raise InvalidFrame(
            f"orders are in {name}, whose way with instants is not known to rfm (known: "
            f"{some(INSTANTS, limit=20)}); copy the orders to one of these"
        )
    return name


# ---------------------------------------------------------------- orders -> summary


def _summarize(orders: ir.Table, as_of: int, names: _Names) -> ir.Table:
    _check_orders(orders, names)
    engine = _engine_of(orders)
    _refuse_nameless(orders[names.customer_id])
    return _summary(orders, as_of, names, engine)


def _summary(orders: ir.Table, as_of: int, names: _Names, engine: str) -> ir.Table:
    microseconds, instant, not_after = INSTANTS[engine]
    ordered_at = orders[names.ordered_at]
    counts = _has_counted_status(orders, names.status) & not_after(
        ordered_at, _text(as_of, ordered_at.type())
    )
    amount = _summable(orders[names.amount], engine)
    # no filter: a customer none of whose orders counts is one of the summary
    lines = orders.select(
        customer_id=orders[names.customer_id],
        ordered_at=ordered_at,
        counts=counts.fill_null(False),  # noqa: FBT003 - the value
        amount=amount,
    )
    totals = lines.group_by("customer_id").aggregate(
        newest=lines.ordered_at.max(where=lines.counts),
        frequency=lines.count(where=lines.counts),
        monetary=lines.counts.ifelse(lines.amount, _zero(amount.type())).sum(),
    )
    timed = totals.mutate(microseconds=microseconds(totals.newest))
    known = (timed.microseconds >= EARLIEST).ifelse(timed.microseconds, ibis.null("int64"))
    timed = timed.mutate(passed=as_of - known)
    return timed.select(
        "customer_id",
        last_order_at=instant(timed.newest, timed.microseconds),
        recency_days=_whole_days(timed.passed),
        frequency=timed.frequency,
        monetary=timed.monetary.cast(_widest(amount.type())),
    )


def _text(as_of: int, dtype: dt.DataType) -> str:
    """Write the instant as the type has it."""
    # an as_of in another zone may lie hours outside of the years that can be written
    moment = EPOCH + timedelta(microseconds=min(max(as_of, _FIRST), _LAST))
    if dtype.is_date():
        return moment.date().isoformat()
    finer = "999" if is_finer(dtype) else ""  # all of the microsecond
    zone = "" if dtype.timezone is None else "+00:00"
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}{finer}{zone}"


def _has_counted_status(orders: ir.Table, name: str) -> ir.Value:
    if name not in orders.columns:
        return ibis.literal(True)  # noqa: FBT003 - the value
    return ~orders[name].lower().isin(UNCOUNTED_STATUSES).fill_null(False)  # noqa: FBT003


def _summable(amount: ir.Value, engine: str) -> ir.Value:
    dtype = amount.type()
    if dtype.is_floating():
        amount = _finite(amount.cast("float64"))
    elif dtype.is_integer():
        # an engine's sum of integers may wrap around
        amount = amount.cast(dt.Decimal(_DIGITS, 0))
    elif engine == "postgres":  # the one whose decimals may be infinite or NaN
        amount = _finite(amount, dt.Decimal())
    return amount.fill_null(_zero(amount.type()))


def _finite(value: ir.Value, comparable: dt.DataType = dt.float64) -> ir.Value:
    """Return the value, with null for NaN and the infinities.

    Not by isinf(), which Ibis 12 writes as FALSE for Spark. NaN is either greater than infinity or
    not comparable.
    """
    below_infinity = value.abs() < ibis.literal("Infinity").cast(comparable)
    return below_infinity.ifelse(value, ibis.null(value.type()))


def _zero(dtype: dt.DataType) -> ir.Value:
    return ibis.literal("0").cast(dtype)


def _widest(dtype: dt.DataType) -> dt.DataType:
    """Return the type of a sum."""
    if dtype.is_floating() or dtype.precision is None:
        return dtype
    return dt.Decimal(max(dtype.precision, _DIGITS), dtype.scale)


def _whole_days(microseconds: ir.Value) -> ir.Value:
    # engines divide integers as floats: a multiple of DAY below 2**63 is one without rounding
    return ((microseconds - microseconds % DAY) // DAY).cast("int64")


# ---------------------------------------------------------------- summary -> model


def _fit(summary: ir.Table) -> Model:
    found = _thresholds(_histogram(summary)).to_pyarrow().to_pylist()[0]
    refuse_unfit(customers=found["customers"] or 0, early=found["early"] or 0)

    def thresholds(name: str, read: Callable[[Any], Any]) -> list[Any]:
        values = [found[f"{name}_{k}"] for k in _FIFTHS]
        return [read(value) for value in values if value is not None]

    money = float if summary.monetary.type().is_floating() else Decimal
    return Model(
        thresholds("recency", int), thresholds("frequency", int), thresholds("monetary", money)
    )


def _histogram(summary: ir.Table) -> ir.Table:
    """Count the customers per value of each number.

    Returns one row per number (0, 1, 2) and value, with the two other numbers null: three
    histograms out of one pass over the summary, where three queries would read the orders thrice.
    """
    counted = summary.filter(summary.frequency >= 1).select(
        recency=summary.recency_days,
        frequency=summary.frequency,
        monetary=_spend(summary.monetary),
    )
    # three rows of SELECT: an engine's own way to unnest an array is a page of SQL in Snowflake
    three = ibis.union(*(ibis.literal(k).name("number").as_table() for k in range(3)))
    lines = counted.cross_join(three)
    names = ("recency", "frequency", "monetary")
    values = {
        name: (lines.number == k).ifelse(lines[name], ibis.null(lines[name].type()))
        for k, name in enumerate(names)
    }
    return (
        lines.select("number", **values)
        .group_by("number", *names)
        .aggregate(customers=lambda value: value.count())
    )


def _spend(monetary: ir.Value) -> ir.Value:
    """Return the spend as a decimal, or as a float that is finite."""
    if monetary.type().is_integer():
        return monetary.cast(dt.Decimal(_DIGITS, 0))
    return _finite(monetary) if monetary.type().is_floating() else monetary


def _thresholds(histogram: ir.Table) -> ir.Table:
    """Return one row with the thresholds of each number.

    Of n customers, P_k is the value at position ceil(k * n / 5). So at least ceil(k * n / 5)
    customers are worse than a value that is better than P_k, and fewer are worse than P_k itself:
    the threshold is the first value with 5 * worse >= k * n, in whole numbers.
    """
    from_worst = [
        # not desc(): what Ibis writes for BigQuery then has the nulls last
        ibis.asc(-histogram.recency, nulls_first=True),
        ibis.asc("frequency", nulls_first=True),
        ibis.asc("monetary", nulls_first=True),
    ]
    so_far = ibis.cumulative_window(group_by="number", order_by=from_worst)
    ranked = histogram.mutate(
        worse=histogram.customers.sum().over(so_far) - histogram.customers,
        total=histogram.customers.sum().over(ibis.window(group_by="number")),
    )
    # decimals leave as text: Ibis reads a numeric without a scale with nine digits after the point
    exact = not ranked.monetary.type().is_floating()
    found = {}
    for k in _FIFTHS:
        better = ranked.worse * 5 >= ranked.total * k
        least = ranked.monetary.min(where=better)
        found[f"recency_{k}"] = ranked.recency.max(where=better)
        found[f"frequency_{k}"] = ranked.frequency.min(where=better)
        found[f"monetary_{k}"] = least.cast("string") if exact else least
    return ranked.aggregate(
        customers=ranked.customers.sum(where=ranked.number == 0),
        early=ranked.customers.sum(where=ranked.recency < 0),
        **found,
    )


# ---------------------------------------------------------------- summary and model -> scores


def _score(summary: ir.Table, model: Model | None) -> ir.Table:
    model = _fit(summary) if model is None else model
    counted = summary.frequency >= 1
    spend = _spend(summary.monetary)
    points = summary.mutate(
        rfm_recency=_points(
            counted, (summary.recency_days <= most for most in _whole(model.recency, cap=True))
        ),
        rfm_frequency=_points(
            counted, (summary.frequency >= least for least in _whole(model.frequency))
        ),
        rfm_monetary=_points(
            counted & (spend >= _zero(spend.type())),
            (spend >= least for least in _money(model.monetary, spend.type())),
        ),
    )
    r, f, m = points.rfm_recency, points.rfm_frequency, points.rfm_monetary
    weights = model.weights
    return points.mutate(
        rfm_recency=r.cast("int32"),
        rfm_frequency=f.cast("int32"),
        rfm_monetary=m.cast(dt.Decimal(3, 2)),
        lead_score=(weights[0] * r + weights[1] * f + weights[2] * m).cast("int32"),
    )


def _points(scored: ir.Value, meets: Iterable[ir.Value]) -> ir.Value:
    # the best score is asked for first, and a null meets nothing
    cases = [(scored & met, points) for points, met in enumerate(meets, start=2)]
    one = ibis.literal(1)
    return ibis.cases(*reversed(cases), else_=one) if cases else one


def _whole(thresholds: Iterable[int], *, cap: bool = False) -> list[int]:
    """Return the thresholds that an int64 can reach, or all of them, capped."""
    if cap:
        return [min(most, _INT64_MAX) for most in thresholds]
    return [least for least in thresholds if least <= _INT64_MAX]


def _money(thresholds: Iterable[Decimal], dtype: dt.DataType) -> list[ir.Value]:
    """Return the thresholds as literals of the type, less those out of reach.

    They go as text, which engines read exactly. Rounding up to the type's scale is exact, too: no
    value lies between a threshold and the next unit.
    """
    if dtype.is_floating():
        floats = [float(least) for least in thresholds]
        return [ibis.literal(repr(x)).cast(dtype) for x in floats if not math.isinf(x)]
    scale = _DIGITS if dtype.scale is None else dtype.scale
    unit = Decimal(1).scaleb(-scale)
    ceiling = Decimal(10) ** ((dtype.precision or 2 * _DIGITS) - scale)
    reachable = [max(least, Decimal(0)) for least in thresholds if least < ceiling]
    rounded = [least.quantize(unit, context=_UP) for least in reachable]
    return [ibis.literal(f"{least:f}").cast(dtype) for least in rounded if least < ceiling]


def _example() -> ir.Table:
    """Make the orders of the examples."""
    rows = {
        "customer_id": ["ada", "ada", "bob"],
        "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2025, 1, 5)],
        "amount": [20, 35, 50],
        "status": ["paid", "paid", "Refunded"],
    }
    return ibis.memtable(pl.DataFrame(rows))
