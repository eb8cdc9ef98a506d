"""What a column may hold."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from rfm._check.wording import count, first_few
from rfm.errors import InvalidFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Kind(NamedTuple):
    """What a column may hold. A column of nulls only (pl.Null) is of every kind.

    wanted: the kind in words, for the error.
    holds: given the column's type, returns whether the column is of this kind.
    remedy: how to make a column of this kind, for the error.
    """

    wanted: str
    holds: Callable[[Any], bool]
    remedy: str


WHOLE: Final = Kind("an integer", lambda dtype: dtype.is_integer(), "cast it to pl.Int64")
COUNT: Final = Kind(
    "a whole number",
    # pandas turns a column of integers into floats when one value is null
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

NO_KINDS: Final[Mapping[str, Kind]] = MappingProxyType({})


def check_schema(
    schema: Mapping[str, Any],
    frame_name: str,
    required: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind] = NO_KINDS,
) -> None:
    """Raise InvalidFrame if columns are missing, or hold something of another kind.

    schema: the names and types of the columns, of Polars or of Ibis.
    frame_name: what the error calls the frame.
    required, optional: the columns and their kinds; optional ones may be missing.
    remedy: what to do about a missing column, for the error.
    """
    raise_problems(
        *_missing_columns(schema, frame_name, required, remedy),
        *_wrong_types(schema, frame_name, {**optional, **required}),
    )


def raise_problems(*problems: str) -> None:
    """Raise one InvalidFrame that lists all problems; do nothing if there are none."""
    if problems:
        raise InvalidFrame("\n".join(problems))


def _missing_columns(
    schema: Mapping[str, Any], frame_name: str, required: Mapping[str, Kind], remedy: str
) -> Iterator[str]:
    missing = [column for column in required if column not in schema]
    if missing:
        yield (
            f"{count(len(missing), 'column')} missing from {frame_name}: {first_few(missing)} "
            f"(found: {first_few(schema, limit=20)}); {remedy}"
        )


def _wrong_types(
    schema: Mapping[str, Any], frame_name: str, kinds: Mapping[str, Kind]
) -> Iterator[str]:
    wrong = [
        f"{column!r} is {schema[column]}, not {kind.wanted}: {kind.remedy}"
        for column, kind in kinds.items()
        if column in schema and schema[column] != pl.Null and not kind.holds(schema[column])
    ]
    if wrong:
        yield f"{count(len(wrong), 'column')} of the wrong type in {frame_name}: {'; '.join(wrong)}"
