"""Mappings: which tables and columns of a CRM stand where the guide has its own.

A mapping is a small TOML file, read by tomllib and checked by pydantic, the validation library
that most of Python's field uses. `docs/how-to/map-my-schema.md` explains each entry.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Engine

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
    """What `rfm.toml` says of a CRM whose tables are not the guide's; immutable.

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

    @classmethod
    def read(cls, path: Path) -> "Mapping":
        """Read a mapping from a file; raises `InvalidMapping`, which says all that is wrong."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidMapping(f"the mapping {path} cannot be read: {error}") from None

    @classmethod
    def parse(cls, toml: str) -> "Mapping":
        """Do the same as `read` with the file's text."""
        try:
            return cls.model_validate(tomllib.loads(toml))
        except tomllib.TOMLDecodeError as error:
            raise InvalidMapping(f"the mapping is no TOML: {error}") from None
        except ValidationError as error:
            raise InvalidMapping(_listed(error)) from None

    def bind(self, engine: Engine) -> Engine:
        """Return the engine with this mapping: every function of `rfm.db` then goes by it."""
        return engine.execution_options(rfm_mapping=self)


def mapping_of(bound: Engine | Connection) -> Mapping | None:
    """Return the mapping of an engine or of a connection; None means the guide's own names."""
    mapping = bound.get_execution_options().get("rfm_mapping")
    return mapping if isinstance(mapping, Mapping) else None


def _listed(error: ValidationError) -> str:
    found = [
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    ]
    return problems(found, "in the mapping")
