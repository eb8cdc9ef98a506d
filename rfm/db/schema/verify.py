"""Every check of the guide's verification steps and success criteria, run and told."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import run_script
from rfm.db.mapping.record import mapping_of
from rfm.db.mapping.slots import render
from rfm.db.schema.migrations import read_sql, sql_names


@dataclass(frozen=True, slots=True)
class Check:
    """One check: the fact that it looks for, whether it holds, and what was found."""

    fact: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class PlannedQuery:
    """A query that has to come from an index, and within a time."""

    fact: str
    sql: str
    index: str
    milliseconds: int


PLANNED_QUERIES = (
    PlannedQuery(
        "The timeline of one customer comes from its index, in less than 100 ms.",
        """
        select * from public.customer_activity_timeline
        where customer_id = (select customer_id from public.customer_activity_timeline limit 1)
        order by created_at desc limit 20
        """,
        "idx_customer_activity_customer_date",
        100,
    ),
    PlannedQuery(
        "The best leads come from their index, in less than 50 ms.",
        "select * from public.hot_leads limit 50",
        "idx_customers_lead_score",
        50,
    ),
)


def verify(engine: Engine) -> list[Check]:
    """Run every check of `sql/checks/` and the two planned queries; nothing is changed.

    A check whose own query fails, because an object is missing, has not passed; what the server
    said is what was found. The drift check reads all orders.

    >>> from rfm.testing import example_engine
    >>> [check for check in verify(example_engine()) if not check.passed]
    []
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return [*_file_checks(connection), *(_planned(connection, q) for q in PLANNED_QUERIES)]


def _file_checks(connection: Connection) -> Iterator[Check]:
    for name in sql_names("checks"):
        script = read_sql("checks", name, mapping_of(connection))
        fact = script.splitlines()[0].removeprefix("-- ")
        yield _run(connection, fact, script)


def _run(connection: Connection, fact: str, sql: str) -> Check:
    try:
        with connection.begin_nested():
            passed, found = run_script(connection, sql).fetchall()[0]
    except psycopg.Error as error:
        return Check(fact, passed=False, found=_first_line(error))
    return Check(fact, passed, found)


def _planned(connection: Connection, query: PlannedQuery) -> Check:
    sql = render(query.sql, mapping_of(connection))
    try:
        with connection.begin_nested():
            # a small table is read whole, rightly: asked is whether the index can serve
            run_script(connection, "set local enable_seqscan = off")
            lines = run_script(connection, f"explain (analyze, timing off) {sql}").fetchall()
    except psycopg.Error as error:
        return Check(query.fact, passed=False, found=_first_line(error))
    plan = "\n".join(line for (line,) in lines)
    milliseconds = float(plan.rpartition("Execution Time: ")[2].removesuffix(" ms"))
    used = f"using {query.index}" in plan
    return Check(
        query.fact,
        passed=used and milliseconds < query.milliseconds,
        found=f"{milliseconds:.1f} ms, {query.index if used else 'another plan'}",
    )


def _first_line(error: psycopg.Error) -> str:
    return str(error).splitlines()[0]
