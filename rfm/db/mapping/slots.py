"""From the SQL files that ship to the SQL of a mapped schema.

A shipped file is plain SQL on the default tables. Comments mark what a mapping replaces, so the
file stays valid SQL:

    lock table /* slot customers */ public.customers in access exclusive mode;

names the next word, or the next quoted text, and

    -- slot orders_select
    select o.customer_id, o.created_at as ordered_at, o.total_cents * 0.01 as amount
    from public.orders as o;
    -- slot ends

names the lines in between. `SLOTS` says for each name what a mapping puts there.
psycopg quotes all names and texts.
"""

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from psycopg.sql import SQL, Identifier, Literal

from rfm.db.mapping.definition import Mapping, OrderTable, TableName
from rfm.db.sql import read_sql

_INLINE = re.compile(r"/\* slot (?P<name>\w+) \*/ (?P<text>'(?:[^']|'')*'|[\w.]+)")
_BLOCK = re.compile(r" *-- slot (?P<name>\w+)\n?")
_END = "ends"


class InvalidSlot(ValueError):
    """A shipped file has a slot that does not exist, or that stands in the wrong place."""


def render(script: str, mapping: Mapping | None) -> str:
    """Return a shipped script for the mapped schema; without a mapping, as it is.

    Raises `InvalidSlot` for a slot whose name is not in `SLOTS`.

    >>> render("select c./* slot key */ id from /* slot customers */ public.customers as c", None)
    'select c./* slot key */ id from /* slot customers */ public.customers as c'
    """
    return script if mapping is None else _fill(script, _Place(mapping))


def plain(script: str) -> str:
    """Return a script without the marks of its slots."""
    unmarked = _INLINE.sub(lambda slot: slot["text"], script)
    return "".join(
        line for line in unmarked.splitlines(keepends=True) if not _BLOCK.fullmatch(line)
    )


def slot_names(script: str) -> set[str]:
    """Return the names of all slots in a script.

    >>> slot_names("select c./* slot key */ id from public.hot_leads as c")
    {'key'}
    """
    found = {slot["name"] for slot in _INLINE.finditer(script)}
    lines = (_BLOCK.fullmatch(line) for line in script.splitlines())
    return (found | {line["name"] for line in lines if line}) - {_END}


def quoted(table: TableName) -> str:
    """Return a table's name as SQL has it.

    >>> quoted(TableName("crm", "Customer Profiles"))
    '"crm"."Customer Profiles"'
    """
    return Identifier(*table).as_string(None)


def customers_table(mapping: Mapping | None) -> str:
    """Return the name of the table that gets the scores, as SQL has it."""
    return quoted(mapping.customers.table) if mapping else "public.customers"


def key_column(mapping: Mapping | None) -> str:
    """Return the name of the column that identifies a customer, not quoted."""
    return mapping.customers.key if mapping else "id"


def order_tables(mapping: Mapping | None) -> list[str]:
    """Return the names of the tables whose changes score customers, as SQL has them."""
    if mapping is None:
        return ["public.orders"]
    return [quoted(one.table) for one in mapping.orders.tables]


@dataclass(frozen=True, slots=True)
class _Place:
    """What the slots of a text are filled from: the mapping, and perhaps one order table of it."""

    mapping: Mapping
    number: int = 0  # of the order table, from 1

    @property
    def orders(self) -> OrderTable:
        if not self.number:
            raise InvalidSlot("a slot of one order table stands outside of each_order_table")
        return self.mapping.orders.tables[self.number - 1]

    def each_order_table(self) -> Iterator["_Place"]:
        for number in range(1, len(self.mapping.orders.tables) + 1):
            yield replace(self, number=number)


def _fill(script: str, place: _Place) -> str:
    parts = [
        _value(name, text, place) if name else _fill_inline(text, place)
        for name, text in _pieces(script)
    ]
    return "".join(parts)


def _fill_inline(text: str, place: _Place) -> str:
    return _INLINE.sub(lambda slot: _value(slot["name"], slot["text"], place), text)


def _value(name: str, text: str, place: _Place) -> str:
    if name not in SLOTS:
        raise InvalidSlot(f"there is no slot {name!r}; the slots are {', '.join(SLOTS)}")
    return SLOTS[name](place, text)


def _pieces(script: str) -> Iterator[tuple[str | None, str]]:
    """Cut a script into its outermost blocks, each with its slot's name, and what is between."""
    open_slots: list[str] = []
    lines: list[str] = []
    for line in script.splitlines(keepends=True):
        mark = _BLOCK.fullmatch(line)
        ends = mark is not None and mark["name"] == _END
        if ends and not open_slots:
            raise InvalidSlot("a slot ends that did not begin")
        if (
            mark and len(open_slots) == ends
        ):  # the first line or the last line of an outermost block
            yield (open_slots[0] if ends else None), "".join(lines)
            lines = []
        else:
            lines.append(line)
        if ends:
            open_slots.pop()
        elif mark:
            open_slots.append(mark["name"])
    if open_slots:
        raise InvalidSlot(f"slot {open_slots[0]!r} does not end")
    yield None, "".join(lines)


def _name(name: str) -> str:
    return Identifier(name).as_string(None)


def _literal(text: str) -> str:
    # a text with a backslash is written ' E''...', with a space
    return Literal(text).as_string(None).strip()


# ---------------------------------------------------------------- names


def _customers(place: _Place, text: str) -> str:
    """Put the table's name in; a column that follows it stays."""
    if not text.startswith("public.customers"):
        raise InvalidSlot(f"slot 'customers' stands before {text!r}, not before public.customers")
    return quoted(place.mapping.customers.table) + text.removeprefix("public.customers")


def _customers_index(place: _Place, text: str) -> str:
    """Put an index of ours into the schema of the customers, where PostgreSQL keeps it."""
    return f"{_name(place.mapping.customers.table.schema)}.{text.removeprefix('public.')}"


def _order_index(place: _Place, text: str) -> str:
    """Keep each order table's index in its schema; from the second table on, number them."""
    index = text.removeprefix("public.") + (f"_{place.number}" if place.number > 1 else "")
    return f"{_name(place.orders.table.schema)}.{index}" if text.startswith("public.") else index


def _key_type(place: _Place) -> str:
    """Return the type of our columns of keys; orders may hold a number that is no customer's."""
    key_type = place.mapping.customers.key_type
    return "int8" if key_type in {"integer", "bigint"} else key_type


def _shown(column: str | None) -> str:
    return f"c.{_name(column)}" if column else "null::text"


# ---------------------------------------------------------------- blocks


def _each_order_table(place: _Place, text: str) -> str:
    return "".join(_fill(text, one) for one in place.each_order_table())


def _each_order_table_by_trigger(place: _Place, text: str) -> str:
    if len(place.mapping.orders.tables) == 1:
        return _each_order_table(place, text)
    # no branch fits a table that was renamed: orders can still be written, and verify reports it
    return "".join(
        f"    if tg_relid = to_regclass({_literal(quoted(one.orders.table))}) then\n"
        f"{_fill(text, one)}    end if;\n"
        for one in place.each_order_table()
    )


def _order_covering(place: _Place, _: str) -> str:
    if not place.orders.covering:
        return ""
    columns = SQL(", ").join(Identifier(name) for name in place.orders.covering)
    return f"include ({columns.as_string(None)})\n"


_ORDERS = """\
select
    o.customer_id,
    o.ordered_at,
    -- every sum fits 38 digits: NaN, infinities and amounts from 10^18 on add nothing
    case
        when o.amount::numeric > -1e18 and o.amount::numeric < 1e18
            then round(o.amount::numeric, least(scale(o.amount::numeric), 10))
    end as amount
from (
{select}
) as o;
"""

_ACTIVITY = """\
select
    a.customer_id,
    {type}::text as activity_type,
    a.created_at,
    a.activity_id,
    a.metadata
from (
{select}
) as a
where a.customer_id is not null
"""

_DEALS = """\
select
    d.deal_id,
    d.customer_id,
    d.stage,
    d.value,
    d.created_at,
    d.closed_at
from (
{select}
) as d;
"""


def timeline_select(mapping: Mapping) -> str:
    """Return the select that all activities of a mapping come from."""
    selects = [
        _ACTIVITY.format(type=_literal(one.type), select=one.select) for one in mapping.timeline
    ]
    return "union all\n".join(selects)


def _activity_types(place: _Place, _: str) -> str:
    rows = ", ".join(f"({_literal(one.type)})" for one in place.mapping.timeline)
    return f"        values {rows}\n"


def _with_deals(place: _Place, text: str) -> str:
    return _fill(text, place) if place.mapping.deals else ""


def _deals_select(place: _Place, _: str) -> str:
    deals = place.mapping.deals
    return _DEALS.format(select=deals.select) if deals else ""


def _uncounted_orders(_place: _Place, _text: str) -> str:
    """Count no orders: the select of a mapping says itself which count, not by a status."""
    return "        select null::text as status, 0::bigint as orders where false\n"


def _record_mapping(place: _Place, _: str) -> str:
    return _fill(read_sql("internal/mapping/record"), place)


Slot = Callable[[_Place, str], str]
"""What a mapping puts in the place of a text: the marked word, or the lines of the block."""

SLOTS: Final[Dictionary[str, Slot]] = {
    "customers": _customers,
    "customers_literal": lambda place, _: _literal(quoted(place.mapping.customers.table)),
    "customers_index": _customers_index,
    "customers_index_literal": lambda place, text: _literal(
        _customers_index(place, text.strip("'"))
    ),
    "key": lambda place, _: _name(place.mapping.customers.key),
    "key_type": lambda place, _: _key_type(place),
    "key_type_literal": lambda place, _: _literal(_key_type(place)),
    "email": lambda place, _: _shown(place.mapping.customers.email),
    "full_name": lambda place, _: _shown(place.mapping.customers.full_name),
    # the CRM's own triggers run inside a touch, and name their tables without a schema
    "customers_schema_literal": lambda place, _: _literal(place.mapping.customers.table.schema),
    "search_path": lambda place, _: f"{_name(place.mapping.customers.table.schema)}, public",
    "order_table": lambda place, _: quoted(place.orders.table),
    "order_table_literal": lambda place, _: _literal(quoted(place.orders.table)),
    "order_customer": lambda place, _: _name(place.orders.customer),
    "order_time": lambda place, _: _name(place.orders.ordered_at),
    "order_index": _order_index,
    "order_index_literal": lambda place, text: _literal(_order_index(place, text.strip("'"))),
    "each_order_table": _each_order_table,
    "each_order_table_by_trigger": _each_order_table_by_trigger,
    "order_covering": _order_covering,
    # the select of a mapping says itself which orders count, so its index has no condition
    "order_condition": lambda _place, _text: ";\n",
    "orders_select": lambda place, _: _ORDERS.format(select=place.mapping.orders.select),
    "uncounted_orders": _uncounted_orders,
    "activities_select": lambda place, _: timeline_select(place.mapping) + ";\n",
    "activity_types": _activity_types,
    "with_deals": _with_deals,
    "deals_select": _deals_select,
    "record_mapping": _record_mapping,
    "forget_mapping": lambda _place, _text: "drop table if exists rfm.mapping;\n",
    "mapping_toml": lambda place, _: _literal(place.mapping.toml),
    "mapping_sha256": lambda place, _: _literal(sha256(place.mapping.toml.encode()).hexdigest()),
}
