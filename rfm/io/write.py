"""Scores into a file or to standard output: the same scores give the same bytes."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from rfm._check.extras import needs
from rfm._check.wording import count
from rfm.errors import InvalidFile
from rfm.io.sources import STANDARD, find_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ENDINGS: Final = (".csv", ".tsv", ".ndjson", ".parquet", ".xlsx")
_MAX_XLSX_ROWS: Final = 1_048_575  # a sheet has 1,048,576, and one is the header
_CREATED: Final = datetime(1980, 1, 1)  # noqa: DTZ001 - Excel has no zones; a clock changes bytes


def writer_for(output: str, inputs: Sequence[str | Path] = ()) -> Callable[[pl.DataFrame], None]:
    """Return a function that writes a frame; no partial file ever stays.

    output: a file that ends with .csv, .tsv, .ndjson, .parquet or .xlsx, or `-` for CSV on standard
        output.
    inputs: what is read, as `scan_orders` takes it; none of these files is ever replaced.

    Raises `InvalidFile` for another ending, a missing folder, or an input: at once, before an hour
    of work.
    """
    if output == STANDARD:
        return lambda frame: _to_standard_output(_content(frame, ".csv"))
    path = Path(output)
    kind = path.suffix.lower()
    if kind not in _ENDINGS:
        endings = f"{', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}"
        raise InvalidFile(f"{path.name} ends with {path.suffix!r}; use {endings}")
    if not path.parent.is_dir():
        raise InvalidFile(f"the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise InvalidFile(f"the folder {path.parent} cannot be written to; choose another one")
    if path.is_dir():
        raise InvalidFile(f"{path} is a folder; name a file in it")
    if path.exists():
        _refuse_inputs(path, inputs)
    if kind == ".xlsx":
        with needs("writing .xlsx files", "'rfm-scoring[files]'"):
            import xlsxwriter  # noqa: F401, PLC0415
    return lambda frame: _write(frame, path, kind)


def _refuse_inputs(path: Path, inputs: Sequence[str | Path]) -> None:
    named = [one for one in inputs if str(one) != STANDARD]
    sources = find_sources(named) if named else []
    if any(isinstance(one.content, Path) and one.content.samefile(path) for one in sources):
        raise InvalidFile(f"{path} is read, so it is not replaced; write to another file")


def _write(frame: pl.DataFrame, path: Path, kind: str) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
            temporary = Path(file.name)
    except OSError as error:
        raise InvalidFile(f"{path} cannot be written: {error.strerror}") from None
    try:
        _into(frame, temporary, kind)
        # Only its owner can read a temporary file; the result gets the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _content(frame: pl.DataFrame, kind: str) -> bytes:
    buffer = BytesIO()
    _into(frame, buffer, kind)
    return buffer.getvalue()


def _into(frame: pl.DataFrame, target: Path | BytesIO, kind: str) -> None:
    if kind == ".parquet":
        frame.write_parquet(target)
    elif kind == ".ndjson":
        frame.write_ndjson(target)
    elif kind == ".xlsx":
        _write_xlsx(frame, target)
    else:
        frame.write_csv(target, separator="\t" if kind == ".tsv" else ",")


def _write_xlsx(frame: pl.DataFrame, target: Path | BytesIO) -> None:
    import xlsxwriter  # noqa: PLC0415 - an extra

    if frame.height > _MAX_XLSX_ROWS:
        raise InvalidFile(
            f"{count(frame.height, 'customer')}, and an Excel sheet has {_MAX_XLSX_ROWS:,} rows; "
            "write .csv or .parquet"
        )
    # Text stays text: an id such as `=1+1` is not a formula, and none is a link.
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    zoned = [
        pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone
    ]
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"created": _CREATED})
        frame.with_columns(zoned).write_excel(book)


def _to_standard_output(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
