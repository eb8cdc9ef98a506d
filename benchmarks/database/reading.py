"""Reading the timeline and the leads, each by its index; refreshing the timeline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial
from benchmarks.server import engine, open_connection

if TYPE_CHECKING:
    from benchmarks.bench import Steps

CUSTOMERS: Final = 1_000_000


def _reading(sql: str, index: str) -> Steps:
    connection = open_connection("ours")
    plan = "\n".join(str(line) for (line,) in connection.execute(f"explain {sql}"))
    if index not in plan:
        raise AssertionError(f"{index} is not used:\n{plan}")
    yield None
    latencies = []
    for _ in range(50):
        started = time.perf_counter()
        connection.execute(sql).fetchall()
        latencies.append(time.perf_counter() - started)
    yield Seconds(latencies)


def timeline_of_a_customer(_: int) -> Steps:
    """Read the newest twenty activities of one customer."""
    with engine("ours").connect() as connection:
        key = connection.exec_driver_sql("select customer_id from orders limit 1").scalar()
    yield from _reading(
        f"select * from customer_activity_timeline where customer_id = '{key}'"
        " order by created_at desc limit 20",
        "idx_customer_activity_customer_date",
    )


def hot_leads(_: int) -> Steps:
    """Read the fifty best leads."""
    yield from _reading("select * from hot_leads limit 50", "idx_customers_lead_score")


def refresh_of_the_timeline(_: int) -> Steps:
    """Refresh the timeline concurrently."""
    connection = open_connection("ours")
    yield None
    connection.execute("select refresh_customer_activity_timeline()")
    yield None


READING = Bench(
    name="reading",
    title="Reading from 10,000,000 activities and 1,000,000 customers",
    trials={
        "timeline of one customer": Trial(timeline_of_a_customer, CUSTOMERS),
        "fifty hot leads": Trial(hot_leads, CUSTOMERS),
        "concurrent refresh": Trial(refresh_of_the_timeline, CUSTOMERS),
    },
    figures=(
        Figure("the timeline of one customer", "timeline of one customer", at_most=0.01),
        Figure("the fifty best leads", "fifty hot leads", at_most=0.01),
        Figure("refreshing the timeline, nothing changed", "concurrent refresh"),
    ),
    rounds=3,
)
