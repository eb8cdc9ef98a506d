"""Mappings: which tables and columns of a CRM rfm uses in place of its default ones.

A mapping is a small TOML file, read by tomllib and checked by pydantic, the validation library
that most of Python's field uses. `docs/how-to/map-my-schema.md` explains each entry.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)

from rfm._check.wording import problems
from rfm.errors import InvalidMapping

_LONGEST_NAME = 63  # bytes: what PostgreSQL keeps of a name


def _check_name(name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"{name!r} cannot be a name in PostgreSQL (1 to {_LONGEST_NAME} bytes)")
    if re.search(r"\$\w*\$", name):
        raise ValueError(f"{name!r} would end a function's text; rename it, or use a view")
    return name


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = value.split(".")
    if len(parts) > len(TableName._fields):
        raise ValueError(f"{value!r} has several dots; write ['schema', 'table']")
    return parts if len(parts) == len(TableName._fields) else ["public", value]


Name = Annotated[str, AfterValidator(_check_name)]


class TableName(NamedTuple):
    """A table's schema and its name, as the catalogue has them: not quoted."""

    schema: Name
    name: Name


Select = Annotated[str, AfterValidator(lambda select: select.strip().rstrip(";"))]
Table = Annotated[TableName, BeforeValidator(_split)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Customers(_Entry):
    """The table that gets the scores, its key, and two columns that people are shown."""

    table: Table
    key: Name
    key_type: Literal["uuid", "bigint", "integer", "text"]
    email: Name | None = None
    full_name: Name | None = None


class OrderTable(_Entry):
    """A table whose changes score customers: its column of customer keys and that of times.

    `covering` names what else the index by customer holds: the columns that the select of the
    orders reads.
    """

    table: Table
    customer: Name
    ordered_at: Name
    covering: tuple[Name, ...] = ()


class Orders(_Entry):
    """The counted orders as a select, and the tables that it reads."""

    select: Select
    tables: Annotated[tuple[OrderTable, ...], Field(min_length=1)]


class Activity(_Entry):
    """One kind of activity in the timeline."""

    type: Annotated[str, Field(min_length=1)]
    select: Select


class Deals(_Entry):
    """The deals as a select: deal_id, customer_id, stage, value, created_at, closed_at."""

    select: Select


class Mapping(_Entry):
    """What `rfm.toml` says about a CRM whose tables have other names; immutable.

    >>> mapping = Mapping.parse('''
    ... [customers]
    ... table = "crm.customer_profiles"
    ... key = "profile_id"
    ... key_type = "bigint"
    ...
    ... [orders]
    ... select = "select buyer as customer_id, at as ordered_at, total as amount from crm.sales"
    ... tables = [{ table = "crm.sales", customer = "buyer", ordered_at = "at" }]
    ...
    ... [[timeline]]
    ... type = "order"
    ... select = "select customer_id, created_at, activity_id, metadata from crm.sales_activities"
    ... ''')
    >>> mapping.customers.table
    TableName(schema='crm', name='customer_profiles')
    """

    customers: Customers
    orders: Orders
    timeline: Annotated[tuple[Activity, ...], Field(min_length=1)]
    deals: Deals | None = None
    _source: str | None = PrivateAttr(None)

    def model_post_init(self, context: Any) -> None:  # noqa: ANN401 - as pydantic calls it
        """Keep the text that the mapping was read from."""
        self._source = context

    @classmethod
    def read(cls, path: Path) -> "Mapping":
        """Read a mapping from a file. Raises `InvalidMapping` with everything that is wrong."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidMapping(f"the mapping {path} cannot be read: {error}") from None

    @classmethod
    def parse(cls, toml: str) -> "Mapping":
        """Do the same as `read` with the file's text."""
        try:
            return cls.model_validate(tomllib.loads(toml), context=toml)
        except tomllib.TOMLDecodeError as error:
            raise InvalidMapping(f"the mapping is not valid TOML: {error}") from None
        except ValidationError as error:
            raise InvalidMapping(_listed(error)) from None

    @property
    def toml(self) -> str:
        """The text that the mapping was read from, or one that says the same.

        >>> mapping = Mapping.model_validate({
        ...     "customers": {"table": "people", "key": "id", "key_type": "bigint"},
        ...     "orders": {"select": "select 1", "tables": [
        ...         {"table": "sales", "customer": "buyer", "ordered_at": "at"}]},
        ...     "timeline": [{"type": "order", "select": "select 2"}],
        ... })
        >>> print(mapping.toml.splitlines()[0])
        customers = { table = ["public", "people"], key = "id", key_type = "bigint" }
        >>> Mapping.parse(mapping.toml).model_dump() == mapping.model_dump()
        True
        """
        entries = self.model_dump()
        # a copy with other entries still has the text of the original
        if self._source is not None and self.parse(self._source).model_dump() == entries:
            return self._source
        return "".join(f"{name} = {_toml(value)}\n" for name, value in entries.items() if value)


def _toml(value: object) -> str:
    """Write a value of a mapping as TOML, in one line."""
    if isinstance(value, dict):
        entries = (f"{name} = {_toml(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(entries)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # a text of JSON is one of TOML, but for one character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", r"\u007f")


def _listed(error: ValidationError) -> str:
    found = [
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    ]
    return problems(found, "in the mapping")
