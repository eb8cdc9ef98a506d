"""The CRM's own tables that the migrations work with, and what they need of each."""

from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.slots import quoted

_TEXT = ("text", "varchar", "bpchar", "citext", "name")
_TIME = ("timestamptz",)
_KEY = ("uuid",)
_CENTS = ("int8", "int4", "int2")

Columns = dict[str, tuple[str, ...]]  # column -> the types that will do; none given: any

_GUIDE: dict[str, Columns] = {
    "public.customers": {"id": _KEY, "email": _TEXT, "full_name": _TEXT},
    "public.orders": {
        "id": _KEY,
        "customer_id": _KEY,
        "status": ("text", "varchar"),
        "total_cents": _CENTS,
        "currency": _TEXT,
        "event_name": _TEXT,
        "created_at": _TIME,
    },
    "public.messages": {
        "id": _KEY,
        "customer_id": _KEY,
        "channel": _TEXT,
        "direction": _TEXT,
        "subject": _TEXT,
        "created_at": _TIME,
    },
    "public.deals": {
        "id": _KEY,
        "customer_id": _KEY,
        "title": _TEXT,
        "stage": _TEXT,
        "value_cents": _CENTS,
        "created_at": _TIME,
        "closed_at": _TIME,
    },
}

# what a key of customers may be in the catalogue, and what may refer to it
_KEY_TYPES = {
    "uuid": ("uuid",),
    "bigint": ("int8",),
    "integer": ("int4", "int2"),
    "text": ("text", "varchar"),
}
_INTEGERS = ("int8", "int4", "int2")


def base_tables(mapping: Mapping | None) -> dict[str, Columns]:
    """Return each table, by its name in SQL, with the columns and types that it has to have."""
    if mapping is None:
        return _GUIDE
    customers = mapping.customers
    shown = [column for column in (customers.email, customers.full_name) if column]
    return {
        quoted(customers.table): {
            customers.key: _KEY_TYPES[customers.key_type],
            **dict.fromkeys(shown, ()),
        },
        **{
            quoted(one.table): {
                one.customer: reference_types(mapping),
                one.ordered_at: (),
                **dict.fromkeys(one.covering, ()),
            }
            for one in mapping.orders.tables
        },
    }


def reference_types(mapping: Mapping) -> tuple[str, ...]:
    """Return the types that a column may have which holds keys of customers."""
    types = _KEY_TYPES[mapping.customers.key_type]
    return _INTEGERS if types[0] in _INTEGERS else types
