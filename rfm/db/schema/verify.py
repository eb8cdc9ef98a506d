"""The checks of a migrated database: each is one fact, which holds or does not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import mapping_of
from rfm.db.mapping.slots import render
from rfm.db.schema.functions import changed_functions
from rfm.db.schema.required import HISTORY
from rfm.db.schema.status import State, read_status
from rfm.db.sql import read_sql, run, sql_names


@dataclass(frozen=True, slots=True)
class Check:
    """One check: the fact that it looks for, whether it holds, and what was found."""

    fact: str
    passed: bool
    found: str


PLANS: Final = {
    "internal/schema/plan_of_a_timeline": "idx_customer_activity_customer_date",
    "internal/schema/plan_of_best_leads": "idx_customers_lead_score",
}
"""Files that explain a query, and the index that each query has to come from."""


def verify(database: Engine | str) -> list[Check]:
    """Run every check of `sql/checks/` and look at the plans of two queries; nothing is changed.

    A check whose own query fails, for example because an object is missing, has not passed; then
    `found` is the server's message. The time of a query is shown, but not checked: the machine may
    be busy. The drift check reads all orders.

    >>> from rfm.testing import example_engine
    >>> [check for check in verify(example_engine()) if not check.passed]
    []
    """
    with engine_of(database).connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        mapping = mapping_of(connection)
        return [
            _check_versions(connection, mapping),
            _check_functions(connection, mapping),
            *(_check(connection, name, mapping) for name in _names(connection, mapping)),
            *(_check_plan(connection, name, index) for name, index in PLANS.items()),
        ]


def _names(connection: Connection, mapping: Mapping | None) -> list[str]:
    """Return the checks of what this database has: the history is optional."""
    states = {one.migration.name: one.state for one in read_status(connection, mapping)}
    enabled = states[HISTORY] is not State.NOT_ENABLED
    folders = ["checks", "checks/history"] if enabled else ["checks"]
    return [f"{folder}/{name}" for folder in folders for name in sql_names(folder)]


def _check_versions(connection: Connection, mapping: Mapping | None) -> Check:
    statuses = read_status(connection, mapping)
    newer = [one.migration.name for one in statuses if one.state is State.NEWER]
    fact = "This version of rfm knows every applied migration."
    return Check(fact, not newer, f"not known: {', '.join(newer)}" if newer else "all known")


def _check_functions(connection: Connection, mapping: Mapping | None) -> Check:
    changed = list(changed_functions(connection, mapping))
    fact = "Every function of rfm is the shipped one: its text, its settings, whose rights it has."
    return Check(fact, not changed, ", ".join(changed) or "as shipped")


def _check(connection: Connection, name: str, mapping: Mapping | None) -> Check:
    try:
        with connection.begin_nested():
            [(passed, found)] = run_script(connection, render(read_sql(name), mapping))
    except psycopg.Error as error:
        return Check(_fact(name), passed=False, found=_first_line(error))
    return Check(_fact(name), passed, found)


def _check_plan(connection: Connection, name: str, index: str) -> Check:
    try:
        with connection.begin_nested():
            # a small table is rightly read whole: we only check that the index can be used
            run_script(connection, "set local enable_seqscan = off")
            [([plan],)] = run(connection, name)
            names = {
                row.name for row in run(connection, "internal/schema/names_of_index", index=index)
            }
    except psycopg.Error as error:
        return Check(_fact(name), passed=False, found=_first_line(error))
    used = not names.isdisjoint(_indexes(plan["Plan"]))
    found = f"{index if used else 'another plan'}, {plan['Execution Time']:.1f} ms"
    return Check(_fact(name), used, found)


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for child in node.get("Plans", ()):
        yield from _indexes(child)


def _fact(name: str) -> str:
    return read_sql(name).splitlines()[0].removeprefix("-- ")


def _first_line(error: psycopg.Error) -> str:
    return str(error).splitlines()[0]
