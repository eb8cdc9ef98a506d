"""The data report: its structure, its JSON, its text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rfm._check.wording import count

if TYPE_CHECKING:
    from datetime import datetime

TITLES: Final = {
    "uncounted_status": "not counted because of the status",
    "after_as_of": "not counted because later than as_of",
    "no_time": "not counted because without a time",
    "other_currency": "not counted because in another currency, or in none",
    "no_customer": "without a customer",
    "excluded_customer": "of excluded customers",
    "no_amount": "without an amount, which adds 0",
    "no_order_id": "without an order number, each an order of its own",
    "no_status_column": "without a status, so every order counts",
    "status_like": "counted, with a status that resembles an uncounted one",
    "similar_customers": "that differ by case or blanks only",
    "duplicate_rows": "exactly the same as another row",
    "duplicates_not_checked": "not compared with each other, because they are too many",
    "negative_amount": "with a negative amount",
    "several_currencies": "in one column",
    "large_customer": "of one customer",
    "impossible_recency": "more than 50 years old",
}
"""Every kind of finding, and what it says of the rows that it counts."""

_NOUNS: Final = {
    "similar_customers": ("customer", "customers"),
    "several_currencies": ("currency", "currencies"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    kind: a key of TITLES. count: how many, of what the title says. example: one of them, or a few
    with their numbers; None if there is none to show. remedy: the argument that changes it, or
    what to do; None if nothing is needed.
    """

    kind: str
    count: int
    example: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        """Return the finding as one line."""
        example = f" ({self.example})" if self.example else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        counted = count(self.count, *_NOUNS.get(self.kind, ("row", "rows")))
        return f"{counted} {TITLES[self.kind]}{example}{remedy}"


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What was found in the orders.

    as_of: the instant of the scores. rows: how many rows were read. counted: how many of them
    count. customers: how many customers they name. findings: what to know, in a fixed order.
    """

    as_of: datetime
    rows: int
    counted: int
    customers: int
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it; SCHEMA describes it."""
        found = asdict(self)
        return {**found, "as_of": self.as_of.isoformat(), "findings": list(found["findings"])}

    def __str__(self) -> str:
        """Return the report as text: a line for the rows, and one for each finding."""
        customers = count(self.customers, "customer")
        heading = f"{count(self.rows, 'row')} read, {self.counted:,} counted, {customers}"
        return "\n  - ".join([heading, *map(str, self.findings)])


_COUNT: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": ["string", "null"]}
SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "DataReport",
    "type": "object",
    "additionalProperties": False,
    "required": ["as_of", "rows", "counted", "customers", "findings"],
    "properties": {
        "as_of": {"type": "string", "format": "date-time"},
        "rows": _COUNT,
        "counted": _COUNT,
        "customers": _COUNT,
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["kind", "count", "example", "remedy"],
                "properties": {
                    "kind": {"enum": list(TITLES)},
                    "count": _COUNT,
                    "example": _TEXT,
                    "remedy": _TEXT,
                },
            },
        },
    },
}
"""The JSON Schema of `DataReport.to_dict()`."""
