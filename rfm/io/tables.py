"""A file as a LazyFrame. The columns of a text file are text."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rfm._check.extras import needs
from rfm.errors import InvalidFile
from rfm.io.sources import decoded

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from rfm.io.sources import FileFormat, Source

ROW: Final = "__row__"
"""The column that numbers the rows of a text file."""

_SEPARATORS: Final = (",", ";", "\t", "|")
_MANY_DIGITS: Final = r"\d[\d.]{15,}"  # a float holds 15 digits of any number


def scan(source: Source, form: FileFormat, needed: Collection[str]) -> pl.LazyFrame:
    """Return the rows of a file, with their number in ROW unless the file is Parquet.

    needed: the columns whose text must stay as it is written.
    """
    readers = {"csv": _scan_csv, "ndjson": _scan_ndjson, "xlsx": _scan_xlsx}
    if source.kind == "parquet":
        frame = pl.scan_parquet(source.content, glob=False, hive_partitioning=False)
    else:
        frame = readers[source.kind](source, form, needed)
    known = frame.collect_schema()
    return frame.with_columns(
        pl.lit(value).alias(key) for key, value in source.folders if key not in known
    )


def _scan_csv(source: Source, form: FileFormat, needed: Collection[str]) -> pl.LazyFrame:
    content = decoded(source, form.encoding)
    separator = form.separator or ("\t" if source.tabs else _separator(content, needed))
    try:
        frame = pl.scan_csv(
            content,
            separator=separator,
            infer_schema=False,
            row_index_name=ROW,
            glob=False,
        )
        values = [name for name in frame.collect_schema() if name != ROW]
    except (pl.exceptions.NoDataError, pl.exceptions.ComputeError, OSError) as error:
        raise cannot_read(source, error) from None
    # A blank line has no value at all.
    return frame.filter(pl.any_horizontal(pl.col(values).is_not_null()))


def _separator(content: Path | bytes, needed: Collection[str]) -> str:
    """Return the separator that finds most of the needed columns in the header."""

    def hits(separator: str) -> int:
        try:
            header = pl.scan_csv(content, separator=separator, infer_schema=False, glob=False)
            return len(set(needed) & set(header.collect_schema()))
        except pl.exceptions.PolarsError:
            return 0

    return max(_SEPARATORS, key=hits)  # the first one if several find as many


def _scan_ndjson(source: Source, form: FileFormat, needed: Collection[str]) -> pl.LazyFrame:
    content = decoded(source, form.encoding)
    _check_digits(source, content, needed)
    text = dict.fromkeys(needed, pl.String)
    try:
        known = set(pl.scan_ndjson(content, infer_schema_length=None).collect_schema())
        return pl.scan_ndjson(
            content,
            row_index_name=ROW,
            infer_schema_length=None,
            schema_overrides={name: kind for name, kind in text.items() if name in known},
        )
    except pl.exceptions.PolarsError as error:
        raise cannot_read(source, error) from None


def _check_digits(source: Source, content: Path | bytes, needed: Collection[str]) -> None:
    """Raise InvalidFile if a number of JSON has more digits than the reader keeps."""
    lines = pl.scan_lines(content, row_index_name=ROW)
    column = next(name for name in lines.collect_schema() if name != ROW)
    long = lines.filter(pl.col(column).str.contains(_MANY_DIGITS)).collect(engine="streaming")
    for row, line in long.rows():
        for name, number in _numbers(line, needed):
            if "." in number and Decimal(number) != Decimal(repr(float(number))):
                raise InvalidFile(
                    f"{source.name}, line {row + 1}: {name!r} is {number}, which JSON readers "
                    f"round; write it as text, in quotes"
                )


def _numbers(line: str, needed: Collection[str]) -> list[tuple[str, str]]:
    try:
        found: Any = json.loads(line, parse_float=_Number)
    except ValueError:
        return []  # the reader says what is wrong with the line
    pairs = found.items() if isinstance(found, dict) else ()
    return [(key, value) for key, value in pairs if key in needed and isinstance(value, _Number)]


class _Number(str):
    """A number as JSON writes it."""

    __slots__ = ()


def _scan_xlsx(source: Source, _: FileFormat, __: Collection[str]) -> pl.LazyFrame:
    content = source.content
    with needs("reading .xlsx files", "'rfm-scoring[files]'"):
        from fastexcel import FastExcelError  # noqa: PLC0415 - an extra
    try:
        # As text: a cell that holds 2.55 gives "2.55", and a cell that holds a date its time.
        sheet = pl.read_excel(
            BytesIO(content) if isinstance(content, bytes) else content,
            infer_schema_length=0,
            drop_empty_rows=False,
        )
    except (pl.exceptions.PolarsError, FastExcelError) as error:
        raise cannot_read(source, error) from None
    rows = sheet.with_row_index(ROW)
    return rows.lazy().filter(pl.any_horizontal(pl.col(sheet.columns).is_not_null()))


def cannot_read(source: Source, error: Exception) -> InvalidFile:
    """Return the error for a file that Polars cannot read."""
    reason = str(error).splitlines()[0]
    if "utf-8" in reason:
        reason = 'its text is not UTF-8; name its encoding, for example `encoding="cp1252"`'
    if "more fields" in reason:
        reason = "a row has more values than the header has columns; quote values with separators"
    return InvalidFile(f"{source.name} cannot be read: {reason}")


def line_of(source: Source, plan: pl.LazyFrame, row: int) -> int:
    """Return the line of the file where a row begins; rows of Excel and JSON are lines."""
    if source.kind != "csv":
        return row + (1 if source.kind == "ndjson" else 2)
    before = plan.filter(pl.col(ROW) < row).select(
        pl.sum_horizontal(pl.exclude(ROW).str.count_matches("\n", literal=True)).sum()
    )
    return row + 2 + int(before.collect(engine="streaming").item() or 0)
