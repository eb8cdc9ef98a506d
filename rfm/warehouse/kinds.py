"""What the columns of Ibis tables may hold, and the checks of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis
from ibis.common.exceptions import IbisError

from rfm._check.kinds import NO_KINDS, Kind, check_schema, raise_problems
from rfm._check.wording import count, first_few
from rfm.errors import InvalidFrame
from rfm.warehouse.instants import INSTANTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from rfm.columns import OrderColumns

IDENTITY: Final = Kind(
    "an integer, text or another flat and exact type",
    lambda dtype: not (dtype.is_floating() or dtype.is_nested() or dtype.is_json()),
    'cast it to "int64" or "string"',
)
INSTANT: Final = Kind(
    "a date or timestamp",
    lambda dtype: dtype.is_date() or dtype.is_timestamp(),
    'parse it with .as_timestamp() or .cast("timestamp")',
)
MONEY: Final = Kind(
    "an integer, decimal or float",
    lambda dtype: dtype.is_numeric() and not dtype.is_boolean(),
    'cast it to "decimal(38, 2)"',
)
TEXT: Final = Kind("text", lambda dtype: dtype.is_string(), 'cast it to "string"')
WHOLE: Final = Kind("an integer", lambda dtype: dtype.is_integer(), 'cast it to "int64"')
_SUMMARY: Final = {"recency_days": WHOLE, "frequency": WHOLE, "monetary": MONEY}


def check_table(
    table: ir.Table,
    name: str,
    required: Mapping[str, Kind],
    remedy: str,
    optional: Mapping[str, Kind] = NO_KINDS,
) -> None:
    """Raise InvalidFrame unless this is an Ibis table with the columns that are required."""
    if not isinstance(table, ibis.Table):
        found = type(table).__name__
        raise InvalidFrame(
            f"{name} is a {found}, not an Ibis table; get one with connection.table(name), or make "
            f"one with ibis.memtable({name})"
        )
    check_schema(table.schema(), name, required, remedy, optional)


def check_summary(summary: ir.Table) -> None:
    """Raise InvalidFrame unless this is a summary; the ids of customers are not checked."""
    check_table(summary, "summary", _SUMMARY, "call rfm.warehouse.summarize_orders first")


def check_orders(orders: ir.Table, names: OrderColumns) -> None:
    """Raise InvalidFrame unless this is a table of orders; the rows are not read."""
    required = {
        names.customer_id: IDENTITY,
        names.ordered_at: INSTANT,
        names.amount: MONEY,
    }
    status = {names.status: TEXT}
    if names.status != "status":  # a column that the caller named must exist
        required |= status
    remedy = 'name yours, for example `customer_id="buyer"`'
    check_table(orders, "orders", required, remedy, status)


def check_no_null_ids(ids: ir.Column) -> None:
    """Count the null ids with a query, and raise InvalidFrame if there are any.

    There is no query if the engine says that the column has no nulls.
    """
    if not ids.type().nullable:
        return
    nulls = ids.isnull().sum().to_pyarrow().as_py()  # null if there are no rows
    if nulls:
        name = ids.get_name()
        raise_problems(
            f"{count(nulls, 'row')} of orders without {name!r}; "
            f"leave them out with .drop_null({name!r})"
        )


def known_engine(orders: ir.Table) -> str:
    """Return the name of the engine, or raise InvalidFrame if rfm does not know its instants."""
    try:
        name: str = orders.get_backend().name
    except IbisError as error:
        raise InvalidFrame(
            "orders are in no engine, or in more than one; get them with connection.table(name)"
        ) from error
    if name not in INSTANTS:
        raise InvalidFrame(
            f"orders are in {name}, whose instants rfm does not know (known: "
            f"{first_few(INSTANTS, limit=20)}); copy the orders to one of these"
        )
    return name
