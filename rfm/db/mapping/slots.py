"""From the SQL files that ship to the SQL of a mapped schema: what a mapping puts in each slot.

`rfm.db.mapping.template` says what a slot looks like. psycopg quotes all names and texts.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from psycopg.sql import SQL, Identifier, Literal

from rfm.db.mapping.definition import Mapping, OrderTable, TableName
from rfm.db.mapping.template import InvalidSlot, fill, pieces, plain
from rfm.db.sql import read_sql


def render(script: str, mapping: Mapping | None) -> str:
    """Return a shipped script for the mapped schema; without a mapping, as it is.

    Raises `InvalidSlot` for a slot whose name is not in `SLOTS`.

    >>> render("select c./* slot key */ id from /* slot customers */ public.customers as c", None)
    'select c./* slot key */ id from /* slot customers */ public.customers as c'
    """
    return script if mapping is None else _fill(script, _Place(mapping))


def render_names(names: Iterable[str], mapping: Mapping | None) -> list[str]:
    """Return names with their slots filled; without a mapping, as they are, but without marks.

    >>> render_names(["/* slot customers */ public.customers.lead_score"], None)
    ['public.customers.lead_score']
    """
    place = _Place(mapping) if mapping else None
    return [_filled(name, place) for name in names]


def render_order_names(names: Iterable[str], mapping: Mapping | None) -> list[str]:
    """Do the same as `render_names` for each order table, one after the other."""
    names = list(names)
    return [_filled(name, place) for place in _order_places(mapping) for name in names]


def render_blocks(script: str, slot: str, mapping: Mapping | None) -> list[str]:
    r"""Return the filled text of every block of this name, for each order table if it is in one.

    >>> render_blocks("-- slot before_indexes\nselect 1;\n-- slot ends", "before_indexes", None)
    ['select 1;\n']
    """
    return list(_blocks(script, slot, mapping, _Place(mapping) if mapping else None))


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
    return fill(script, lambda name, text: _value(name, text, place))


def _filled(text: str, place: _Place | None) -> str:
    return _fill(text, place) if place else plain(text)


def _order_places(mapping: Mapping | None) -> Iterable[_Place | None]:
    return _Place(mapping).each_order_table() if mapping else [None]


def _blocks(script: str, slot: str, mapping: Mapping | None, place: _Place | None) -> Iterator[str]:
    for name, text in pieces(script):
        if name == slot:
            yield _filled(text, place)
        elif name == "each_order_table":
            for one in _order_places(mapping):
                yield from _blocks(text, slot, mapping, one)


def _value(name: str, text: str, place: _Place) -> str:
    if name not in SLOTS:
        raise InvalidSlot(f"there is no slot {name!r}; the slots are {', '.join(SLOTS)}")
    return SLOTS[name](place, text)


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
    # what apply runs before the file: see rfm.db.schema.indexes
    "before_indexes": lambda place, text: _fill(text, place),
    "concurrent_index": lambda place, text: _fill(text, place),
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
