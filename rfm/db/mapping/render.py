"""From the SQL that ships to the SQL of a mapped schema.

The shipped files are plain SQL on the guide's tables. A few names in them stand for something of
the CRM, and a few blocks, between `-- mapping: <what>` and `-- mapping ends`, know more than names.
Everything that a mapping puts in is quoted by psycopg.
"""

import re
from collections.abc import Callable

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from sqlalchemy import Connection, Engine, TextClause, text

from rfm.db.mapping.definition import Mapping, OrderTable, TableName, mapping_of

_BLOCK = re.compile(
    r"^ *-- mapping: (?P<what>[^\n]+)\n(?P<body>.*?)^ *-- mapping ends\n", re.MULTILINE | re.DOTALL
)
_COMMENT = r"(?P<comment>--[^\n]*)"
_QUOTED = r"(?P<quoted>'(?:[^']|'')*')"


def render(script: str, mapping: Mapping | None) -> str:
    """Return a shipped script for the mapped schema; without a mapping, as it is.

    >>> render("select c.id from public.customers as c", None)
    'select c.id from public.customers as c'
    """
    if mapping is None:
        return script
    parts, end = [], 0
    for block in _BLOCK.finditer(script):
        parts.append(_rename(script[end : block.start()], _customer_names(mapping)))
        parts.append(_BLOCKS[block["what"]](block["body"], mapping))
        end = block.end()
    return "".join([*parts, _rename(script[end:], _customer_names(mapping))])


def statement(connection: Connection, sql: str) -> TextClause:
    """Return a statement with `:parameters` for the schema that the connection is mapped to."""
    mapping = mapping_of(connection)
    if mapping is None:
        return text(sql)
    # a colon inside a name is no parameter
    names = {old: new.replace(":", r"\:") for old, new in _customer_names(mapping).items()}
    return text(_rename(sql, names))


def composed(bound: Engine | Connection, sql: str, **values: object) -> Composed:
    """Return a statement with its `{values}` written in, for the driver or another.

    They are literals without a type, so that a key takes the type of the column beside it.
    """
    mapping = mapping_of(bound)
    if mapping:
        names = {
            old: new.replace("{", "{{").replace("}", "}}")  # a brace inside a name is no value
            for old, new in _customer_names(mapping).items()
        }
        sql = _rename(sql, names)
    return SQL(sql).format(**{name: Literal(value) for name, value in values.items()})


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
    """Return the name of the column that tells customers apart, not quoted."""
    return mapping.customers.key if mapping else "id"


def order_tables(mapping: Mapping | None) -> list[str]:
    """Return the names of the tables whose changes score customers, as SQL has them."""
    if mapping is None:
        return ["public.orders"]
    return [quoted(one.table) for one in mapping.orders.tables]


def _name(name: str) -> str:
    return Identifier(name).as_string(None)


def _rename(script: str, names: dict[str, str]) -> str:
    """Put names in the place of others, but in comments; in a string only where it is the whole."""
    alternatives = "|".join(rf"\b{re.escape(old)}\b" for old in names)
    pattern = re.compile(f"{_COMMENT}|{_QUOTED}|{alternatives}")

    def renamed(match: re.Match[str]) -> str:
        found = match[0]
        if match["quoted"] and found[1:-1] in names:
            return Literal(names[found[1:-1]]).as_string(None).strip()
        return names.get(found, found)

    return pattern.sub(renamed, script)


def _customer_names(mapping: Mapping) -> dict[str, str]:
    customers = mapping.customers
    schema, key = _name(customers.table.schema), _name(customers.key)
    return {
        "public.customers": quoted(customers.table),
        "public.idx_customers_lead_score": f"{schema}.idx_customers_lead_score",
        "public.idx_customers_rfm_scores": f"{schema}.idx_customers_rfm_scores",
        "c.id": f"c.{key}",
        "new.id": f"new.{key}",
        "uuid": customers.key_type,
        # the CRM's own triggers run inside a touch, and name their tables without a schema
        "pg_catalog, public, pg_temp": f"pg_catalog, {schema}, public, pg_temp",
    }


def _order_names(mapping: Mapping, number: int, table: OrderTable) -> dict[str, str]:
    schema, customer = _name(table.table.schema), _name(table.customer)
    suffix = f"_{number}" if number > 1 else ""
    indexes = ("idx_orders_lead_score", "idx_orders_lead_score_time")
    return {
        **_customer_names(mapping),
        **{index: f"{index}{suffix}" for index in indexes},
        **{f"public.{index}": f"{schema}.{index}{suffix}" for index in indexes},
        "public.orders": quoted(table.table),
        "n.customer_id": f"n.{customer}",
        "o.customer_id": f"o.{customer}",
    }


def _each_order_table(body: str, mapping: Mapping) -> str:
    return "".join(
        _rename(body, _order_names(mapping, number, table))
        for number, table in enumerate(mapping.orders.tables, 1)
    )


def _by_its_trigger(body: str, mapping: Mapping) -> str:
    if len(mapping.orders.tables) == 1:
        return _each_order_table(body, mapping)
    # a table that was renamed fits no branch: its orders are written, and verify tells of it
    return "".join(
        f"    if tg_relid = to_regclass({Literal(quoted(table.table)).as_string(None)}) then\n"
        f"{_rename(body, _order_names(mapping, number, table))}    end if;\n"
        for number, table in enumerate(mapping.orders.tables, 1)
    )


_ORDERS = """\
select
    o.customer_id,
    o.ordered_at,
    -- what is no finite number adds nothing
    case
        when o.amount::numeric > '-Infinity' and o.amount::numeric < 'Infinity' then o.amount
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


def _orders(_: str, mapping: Mapping) -> str:
    return _ORDERS.format(select=mapping.orders.select)


def timeline_select(mapping: Mapping) -> str:
    """Return the select that all activities of a mapping come from."""
    selects = [
        _ACTIVITY.format(type=Literal(one.type).as_string(None), select=one.select)
        for one in mapping.timeline
    ]
    return "union all\n".join(selects)


def _activities(_: str, mapping: Mapping) -> str:
    return timeline_select(mapping) + ";\n"


def _order_index(body: str, mapping: Mapping) -> str:
    return _indexes(body, mapping, _covering)


def _order_time_index(body: str, mapping: Mapping) -> str:
    return _indexes(body, mapping, _by_time)


def _indexes(body: str, mapping: Mapping, columns: Callable[[OrderTable], Composable]) -> str:
    """Keep the body's names and comment, and put in the columns of each table."""
    name, comment = re.split(
        r"(?<=on public\.orders )\(.*?(?=;)", body, maxsplit=1, flags=re.DOTALL
    )
    parts = []
    for number, table in enumerate(mapping.orders.tables, 1):
        names = _order_names(mapping, number, table)
        parts += [_rename(name, names), columns(table).as_string(None), _rename(comment, names)]
    return "".join(parts)


def _covering(table: OrderTable) -> Composable:
    columns = SQL("({customer}, {ordered_at})").format(
        customer=Identifier(table.customer), ordered_at=Identifier(table.ordered_at)
    )
    if not table.covering:
        return columns
    return columns + SQL(" include ({})").format(
        SQL(", ").join(Identifier(name) for name in table.covering)
    )


def _by_time(table: OrderTable) -> Composable:
    return SQL("({ordered_at}) include ({customer})").format(
        customer=Identifier(table.customer), ordered_at=Identifier(table.ordered_at)
    )


def _customer_columns(_: str, mapping: Mapping) -> str:
    customers = mapping.customers
    columns = {"id": customers.key, "email": customers.email, "full_name": customers.full_name}
    return "".join(
        f"    c.{_name(column)} as {wanted},\n" if column else f"    null::text as {wanted},\n"
        for wanted, column in columns.items()
    )


def _activity_types(_: str, mapping: Mapping) -> str:
    rows = SQL(", ").join(SQL("({})").format(Literal(one.type)) for one in mapping.timeline)
    return f"        values {rows.as_string(None)}\n"


_BLOCKS: dict[str, Callable[[str, Mapping], str]] = {
    "each order table": _each_order_table,
    "each order table, by its trigger": _by_its_trigger,
    "orders": _orders,
    "order index": _order_index,
    "order time index": _order_time_index,
    "activities": _activities,
    "activity types": _activity_types,
    "customer columns": _customer_columns,
}
