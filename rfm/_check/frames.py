"""What a frame has to look like. It is checked once, where it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.distinct import all_distinct
from rfm._check.kinds import COUNT, IDENTITY, MONEY, NO_KINDS, Kind, check_schema, raise_problems
from rfm._check.wording import count, first_few

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SUMMARY: Final = {"recency_days": COUNT, "frequency": COUNT, "monetary": MONEY}
_SUMMARY_IDS: Final = {"customer_id": IDENTITY}


def check_columns(
    frame: pl.DataFrame | pl.LazyFrame,
    name: str,
    required: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind] = NO_KINDS,
) -> pl.Schema:
    """Return the frame's schema, or raise InvalidFrame as `check_schema` does."""
    schema = frame.collect_schema()
    check_schema(schema, name, required, remedy, optional)
    return schema


def check_summary(summary: pl.DataFrame | pl.LazyFrame) -> pl.Schema:
    """Return the summary's schema, or raise InvalidFrame; a LazyFrame's ids are not checked."""
    schema = check_columns(
        summary, "summary", _SUMMARY, "call rfm.summarize_orders first", _SUMMARY_IDS
    )
    if isinstance(summary, pl.DataFrame) and "customer_id" in schema:
        check_ids(summary["customer_id"], "summary")
    return schema


def check_ids(ids: pl.Series, frame_name: str) -> None:
    """Raise InvalidFrame if an id is null, or stands on more than one row."""
    raise_problems(*null_id_problems(ids, frame_name), *_repeated_id_problems(ids, frame_name))


def null_id_problems(ids: pl.Series, frame_name: str) -> Iterator[str]:
    """Yield one problem, with the number of the rows, if an id is null."""
    if ids.null_count():
        rows = ids.is_null().arg_true()
        yield (
            f"{count(len(rows), 'row')} of {frame_name} without {ids.name!r}, at index "
            f"{first_few(rows)}; leave them out with .drop_nulls({ids.name!r})"
        )


def _repeated_id_problems(ids: pl.Series, frame_name: str) -> Iterator[str]:
    known = ids.drop_nulls()
    if all_distinct(known):
        return
    repeated = known.filter(known.is_duplicated()).unique(maintain_order=True)
    if len(repeated):
        yield (
            f"{count(len(repeated), 'customer')} on more than one row of {frame_name}: "
            f"{first_few(repeated)}; "
            f"keep one row each, for example with .unique({ids.name!r})"
        )


def checked_when_collected(
    plan: pl.LazyFrame, check: Callable[[pl.DataFrame], None], *, streamable: bool = False
) -> pl.LazyFrame:
    """Return the plan with a step that calls `check` on its rows, in batches if streamable.

    An error that `check` raises reaches the caller of collect() unchanged. Later steps of the plan
    cannot hide rows or columns from the check.
    """

    def check_rows(rows: pl.DataFrame) -> pl.DataFrame:
        check(rows)
        return rows

    return plan.map_batches(
        check_rows,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        streamable=streamable,
    )


def finite_or_null(name: str, schema: pl.Schema) -> pl.Expr:
    """Return the column, with null in place of a float's NaN and infinities."""
    column = pl.col(name)
    return pl.when(column.is_finite()).then(column) if schema[name].is_float() else column
