"""Orders from files: exact amounts, instants, and ids as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from rfm._check.wording import count, first_few
from rfm.columns import OrderColumns
from rfm.errors import InvalidArgument, InvalidFile
from rfm.io.sources import FileFormat, find_sources
from rfm.io.tables import ROW, cannot_read, line_of, scan
from rfm.io.values import decimal_places, instants, plain_decimal, without_blanks
from rfm.orders.rules import NO_RULES, OrderRules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rfm.io.sources import Source

_DEFAULT_COLUMNS: Final = OrderColumns()
_DEFAULT_FORMAT: Final = FileFormat()
_MAX_SCALE: Final = 38
_AMOUNT_REMEDIES: Final = {
    ",": 'name the decimal mark: `decimal=","` reads 1.234,50, `decimal="."` reads 1,234.50',
    "": "write them like 1234.50",
}
_TIME_REMEDY: Final = (
    "write them like 2026-11-01 or 2026-11-01T12:00:00+01:00, or name their format, for example "
    '`date_format="{example}"`'
)


class _File(NamedTuple):
    source: Source
    plan: pl.LazyFrame


def scan_orders(
    paths: Sequence[str | Path],
    columns: OrderColumns = _DEFAULT_COLUMNS,
    rules: OrderRules = NO_RULES,
    form: FileFormat = _DEFAULT_FORMAT,
) -> pl.LazyFrame:
    r"""Return the orders of files as a LazyFrame.

    paths: files that end with .csv, .tsv, .txt, .ndjson, .jsonl, .parquet or .xlsx, text also with
        .gz or .zst after that; folders, patterns such as `2026/*.csv`, or `-` for standard input.

    Ids and statuses stay text (`00042` keeps its zeros), without blanks around them. Amounts and
    quantities become Decimals with as many decimal places as the files have; a float counts as it
    prints. Times are ISO 8601 (also as PostgreSQL writes them), UTC if they have no zone. Text is
    checked at once, which reads each file one time; a Parquet file of exact numbers is not read.

    Raises `InvalidFile` for a missing file, another ending, and amounts or times that cannot be
    read: how many, and the file, the line and the value of the first one; InvalidArgument for a
    format that no file needs.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
    >>> _ = file.write_text("customer_id,ordered_at,amount\n007,2026-11-01,9.90\n")
    >>> customer, ordered_at, amount = scan_orders([file]).collect().row(0)
    >>> customer, ordered_at.isoformat(), amount
    ('007', '2026-11-01T00:00:00+00:00', Decimal('9.90'))
    """
    _check_format(form)
    needed = [*columns, *rules.columns()]
    sources = find_sources(paths)
    _check_effect(form, sources)
    files = [_File(source, scan(source, form, needed)) for source in sources]
    money = [name for name in (columns.amount, rules.quantity) if name]
    survey = _survey(files, money, columns.ordered_at, form)
    typed = [_typed(file.plan, columns, rules, survey, form) for file in files]
    return typed[0] if len(typed) == 1 else pl.concat(typed, how="diagonal_relaxed")


def read_ids(path: Path, name: str) -> pl.Series:
    """Return the customers in a file: its column of ids, or the lines of a file with one column.

    Raises InvalidFile for a file that cannot be read.
    """
    [source] = find_sources([path])
    plan = scan(source, FileFormat(), [name])
    columns = [one for one in plan.collect_schema() if one != ROW]
    if name in columns:
        return plan.collect()[name]
    if len(columns) > 1:
        raise InvalidFile(f"{path} has no column {name!r} (found: {first_few(columns)})")
    rows = plan.collect()[columns[0]]
    return pl.concat([pl.Series([columns[0]]), rows.cast(pl.String).alias("")])


def _check_format(form: FileFormat) -> None:
    if form.decimal not in {None, ".", ","}:
        raise InvalidArgument(f'`decimal` is {form.decimal!r}; use "." or ","')
    if form.separator is not None and len(form.separator.encode()) != 1:
        raise InvalidArgument(f"`separator` is {form.separator!r}, not one character")
    if form.separator is not None and form.separator == form.decimal:
        raise InvalidArgument("`separator` and `decimal` are the same character")


def _check_effect(form: FileFormat, sources: Sequence[Source]) -> None:
    """Refuse an option for text if no file has text."""
    kinds = {source.kind for source in sources}
    useful = {
        "separator": {"csv"},
        "encoding": {"csv", "ndjson"},
        "decimal": {"csv", "ndjson", "xlsx"},
        "date_format": {"csv", "ndjson", "xlsx", "parquet"},
    }
    for name, some in useful.items():
        if getattr(form, name) is not None and not kinds & some:
            found = first_few(sorted(kinds))
            raise InvalidArgument(f"`{name}` has no effect: the files are {found}")


def _survey(
    files: Sequence[_File], money: Sequence[str], ordered_at: str, form: FileFormat
) -> dict[str, int]:
    """Check all text of all files, and return the decimal places that each amount needs."""
    places = dict.fromkeys(money, 0)
    checks = [_checks(file.plan, money, ordered_at, form) for file in files]
    plans = [file.plan.select(check) for file, check in zip(files, checks, strict=True) if check]
    checked = [file for file, check in zip(files, checks, strict=True) if check]
    try:
        found = pl.collect_all(plans, engine="streaming")
    except pl.exceptions.ComputeError as error:
        raise _which(checked, plans, error) from None
    results = [(file, row.row(0, named=True)) for file, row in zip(checked, found, strict=True)]
    for name in money:
        places[name] = max((row.get(f"{name} places") or 0 for _, row in results), default=0)
    for name in (*money, ordered_at):
        _raise_unreadable(name, results, "time" if name == ordered_at else "amount")
    return places


def _which(files: Sequence[_File], plans: Sequence[pl.LazyFrame], error: Exception) -> Exception:
    """Return the error with the name of the file that cannot be read."""
    for file, plan in zip(files, plans, strict=True):
        try:
            plan.collect(engine="streaming")
        except pl.exceptions.ComputeError as own:
            return cannot_read(file.source, own)
    return error


def _checks(
    plan: pl.LazyFrame, money: Sequence[str], ordered_at: str, form: FileFormat
) -> list[pl.Expr]:
    schema = plan.collect_schema()
    checks: list[pl.Expr] = []
    for name in dict.fromkeys(money):
        if name in schema and _is_written(schema[name]):
            plain = _plain(name, schema, form)
            whole = plain.cast(pl.Decimal(_MAX_SCALE, 0), strict=False)
            written = _finite_text(name, schema)
            bad = written.is_not_null() & (whole.is_null() | (decimal_places(plain) > _MAX_SCALE))
            checks.append(decimal_places(plain).max().alias(f"{name} places"))
            checks.extend(_first_bad(name, bad, schema))
    if schema.get(ordered_at) == pl.String:
        bad = without_blanks(pl.col(ordered_at)).is_not_null() & (
            instants(pl.col(ordered_at), form.date_format).is_null()
        )
        checks.extend(_first_bad(ordered_at, bad, schema))
    return checks


def _first_bad(name: str, bad: pl.Expr, schema: pl.Schema) -> list[pl.Expr]:
    row = pl.col(ROW) if ROW in schema else pl.int_range(pl.len())
    return [
        bad.sum().alias(f"{name} bad"),
        row.filter(bad).min().alias(f"{name} row"),
    ]


def _raise_unreadable(
    name: str, results: Sequence[tuple[_File, dict[str, Any]]], what: str
) -> None:
    bad = sum(result.get(f"{name} bad") or 0 for _, result in results)
    if not bad:
        return
    file, row = next((f, r[f"{name} row"]) for f, r in results if r.get(f"{name} bad"))
    numbered = file.plan if ROW in file.plan.collect_schema() else file.plan.with_row_index(ROW)
    value = str(numbered.filter(pl.col(ROW) == row).select(name).collect().item())
    line = line_of(file.source, file.plan, row)
    remedy = _time_remedy(value) if what == "time" else _amount_remedy(value)
    raise InvalidFile(
        f"{count(bad, 'value')} of {name!r} cannot be read, the first is {value!r} "
        f"({file.source.name}, line {line}); {remedy}"
    )


def _amount_remedy(value: str) -> str:
    return next(remedy for mark, remedy in _AMOUNT_REMEDIES.items() if mark in value)


def _time_remedy(value: str) -> str:
    mark = next((mark for mark in "/.-" if mark in value), "/")
    return _TIME_REMEDY.format(example=f"%d{mark}%m{mark}%Y" + (" %H:%M" if ":" in value else ""))


def _is_written(dtype: pl.DataType) -> bool:
    return dtype == pl.String or dtype.is_float()


def _finite_text(name: str, schema: pl.Schema) -> pl.Expr:
    """Return the column as text; null for a blank and for a float without a value."""
    column = pl.col(name)
    if schema[name].is_float():
        return pl.when(column.is_finite()).then(column.cast(pl.String))
    return without_blanks(column)


def _plain(name: str, schema: pl.Schema, form: FileFormat) -> pl.Expr:
    decimal = form.decimal if schema[name] == pl.String else None
    return plain_decimal(_finite_text(name, schema), decimal)


def _typed(
    plan: pl.LazyFrame,
    columns: OrderColumns,
    rules: OrderRules,
    places: dict[str, int],
    form: FileFormat,
) -> pl.LazyFrame:
    schema = plan.collect_schema()
    texts = (columns.customer_id, columns.status, rules.order_id, rules.currency)
    changed = {
        name: without_blanks(pl.col(name))
        for name in texts
        if name and schema.get(name) == pl.String
    }
    for name, scale in places.items():
        if name in schema and _is_written(schema[name]):
            changed[name] = _plain(name, schema, form).map_batches(
                _to_decimal(name, scale), return_dtype=pl.Decimal(38, scale), is_elementwise=True
            )
    if schema.get(columns.ordered_at) == pl.String:
        changed[columns.ordered_at] = instants(pl.col(columns.ordered_at), form.date_format)
    typed = plan.with_columns(value.alias(name) for name, value in changed.items())
    return typed.drop(ROW, strict=False)


def _to_decimal(name: str, scale: int) -> Callable[[pl.Series], pl.Series]:
    def convert(text: pl.Series) -> pl.Series:
        numbers = text.cast(pl.Decimal(38, scale), strict=False)
        lost = text.filter(numbers.is_null() & text.is_not_null())
        if len(lost):
            raise InvalidFile(
                f"{lost[0]} in {name!r} does not fit: with {scale} decimal places, as the files "
                "have, an amount may have 38 digits in all"
            )
        return numbers

    return convert
