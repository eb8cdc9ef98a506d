"""What a frame has to look like, checked once, at the door."""

from __future__ import annotations

from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import polars as pl

from rfm._check.distinct import surely_distinct
from rfm.errors import InvalidFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


class Kind(NamedTuple):
    """What a column may hold. Nothing but nulls (pl.Null) is of every kind."""

    wanted: str
    holds: Callable[[Any], bool]  # given the column's type
    remedy: str


WHOLE: Final = Kind("an integer", lambda dtype: dtype.is_integer(), "cast it to pl.Int64")
COUNT: Final = Kind(
    "a whole number",
    # floats too: elsewhere a column of whole numbers with a null in it is one of floats
    lambda dtype: dtype.is_integer() or dtype.is_float(),
    "cast it to pl.Int64",
)
MONEY: Final = Kind(
    "an integer, Decimal or float", lambda dtype: dtype.is_numeric(), "cast it to pl.Decimal(38, 2)"
)
INSTANT: Final = Kind(
    "a Date or Datetime",
    lambda dtype: isinstance(dtype, (pl.Date, pl.Datetime)),
    "parse it with .str.to_datetime() or pl.from_epoch",
)
TEXT: Final = Kind(
    "text",
    lambda dtype: isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)),
    "cast it to pl.String",
)
IDENTITY: Final = Kind(
    "an integer, text or another flat and exact type",
    lambda dtype: not (dtype.is_float() or dtype.is_nested() or dtype.is_object()),
    "cast it to pl.Int64 or pl.String",
)
ANYTHING: Final = Kind("anything", lambda _: True, "")

_IDS: Final = {"customer_id": IDENTITY}
_SUMMARY: Final = {"recency_days": COUNT, "frequency": COUNT, "monetary": MONEY}


def check_columns(
    frame: pl.DataFrame | pl.LazyFrame,
    name: str,
    kinds: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind] = MappingProxyType({}),
) -> pl.Schema:
    """Return the frame's schema, or raise InvalidFrame for every missing or unfit column."""
    if not isinstance(frame, (pl.DataFrame, pl.LazyFrame)):
        found = type(frame).__name__
        raise InvalidFrame(f"{name} is a {found}, not a Polars frame; make it a pl.DataFrame first")
    schema = frame.collect_schema()
    check_schema(schema, name, kinds, remedy, optional)
    return schema


def check_schema(
    schema: Mapping[str, Any],
    name: str,
    kinds: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind],
) -> None:
    """Raise InvalidFrame for every missing or unfit column."""
    refuse(*_missing(schema, name, kinds, remedy), *_unfit(schema, name, {**optional, **kinds}))


def check_summary(summary: pl.DataFrame | pl.LazyFrame) -> pl.Schema:
    """Return the summary's schema, or raise InvalidFrame; a LazyFrame's ids are not looked at."""
    schema = check_columns(summary, "summary", _SUMMARY, "call rfm.summarize_orders first", _IDS)
    if isinstance(summary, pl.DataFrame) and "customer_id" in schema:
        check_ids(summary["customer_id"], "summary")
    return schema


def check_ids(ids: pl.Series, name: str) -> None:
    """Raise InvalidFrame unless each row of the frame called `name` has a customer of its own."""
    refuse(*nameless(ids, name), *_repeated(ids, name))


def nameless(ids: pl.Series, name: str) -> Iterator[str]:
    """Tell which rows have no customer."""
    if ids.null_count():
        rows = ids.is_null().arg_true()
        yield (
            f"{many(len(rows), 'row')} of {name} without {ids.name!r}, at index {some(rows)}; "
            f"leave them out with .drop_nulls({ids.name!r})"
        )


def checked_when_collected(
    plan: pl.LazyFrame, check: Callable[[pl.DataFrame], None], *, streamable: bool = False
) -> pl.LazyFrame:
    """Return the plan, with its rows shown to `check`, which may raise: in batches if streamable.

    An error reaches the caller of collect() as it was raised, and no later step of a plan can hide
    rows or columns from the check.
    """

    def look(rows: pl.DataFrame) -> pl.DataFrame:
        check(rows)
        return rows

    return plan.map_batches(
        look,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        streamable=streamable,
    )


def finite(name: str, schema: pl.Schema) -> pl.Expr:
    """Return the column, with null for NaN and the infinities of a float."""
    column = pl.col(name)
    return pl.when(column.is_finite()).then(column) if schema[name].is_float() else column


def refuse(*problems: str) -> None:
    """Raise one InvalidFrame for all problems, if there are any."""
    if problems:
        raise InvalidFrame("\n".join(problems))


def many(number: int, noun: str) -> str:
    """Return the number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(values: Iterable[object], limit: int = 5) -> str:
    """Return the first values, with an ellipsis where there are more."""
    head = [repr(value) for value in islice(values, limit + 1)]
    return ", ".join(head[:limit] + ["…"] * (len(head) > limit))


def _missing(
    schema: Mapping[str, Any], name: str, kinds: Mapping[str, Kind], remedy: str
) -> Iterator[str]:
    missing = [column for column in kinds if column not in schema]
    if missing:
        yield (
            f"{many(len(missing), 'column')} missing from {name}: {some(missing)} "
            f"(found: {some(schema, limit=20)}); {remedy}"
        )


def _unfit(schema: Mapping[str, Any], name: str, kinds: Mapping[str, Kind]) -> Iterator[str]:
    unfit = [
        f"{column!r} is {schema[column]}, not {kind.wanted}: {kind.remedy}"
        for column, kind in kinds.items()
        if column in schema and schema[column] != pl.Null and not kind.holds(schema[column])
    ]
    if unfit:
        yield f"{many(len(unfit), 'column')} of the wrong type in {name}: {'; '.join(unfit)}"


def _repeated(ids: pl.Series, name: str) -> Iterator[str]:
    known = ids.drop_nulls()
    if surely_distinct(known):
        return
    repeated = known.filter(known.is_duplicated()).unique(maintain_order=True)
    if len(repeated):
        yield (
            f"{many(len(repeated), 'customer')} on more than one row of {name}: {some(repeated)}; "
            f"keep one row each, for example with .unique({ids.name!r})"
        )
