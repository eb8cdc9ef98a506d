"""Scoring everybody again, those who are out of date, or nobody."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Trial
from benchmarks.server import engine, open_connection

if TYPE_CHECKING:
    from benchmarks.bench import Steps

CUSTOMERS: Final = 1_000_000


def everybody_ours(_: int) -> Steps:
    """Score everybody again in one statement."""
    connection = open_connection("ours")
    yield None
    connection.execute("select touch_lead_scores(array(select id from customers))")
    yield None


def everybody_guide(_: int) -> Steps:
    """Score everybody again with the guide's statement and functions."""
    connection = open_connection("guide")
    yield None
    connection.execute("update customers set updated_at = now()")
    yield None


# The interval within which the newest orders of a hundredth of the customers have crossed a
# threshold: set back by it, the clock makes these customers due.
_A_HUNDREDTH = """
    select percentile_disc(0.01) within group (order by coalesce(c.since, interval '100 years'))
    from (
        select (
            select min(now() - o.newest - (t.days + 1) * interval '24 hours')
            from unnest(m.recency) as t (days)
            where o.newest + (t.days + 1) * interval '24 hours' <= now()
        ) as since
        from customers as c
        left join (
            select customer_id, max(ordered_at) as newest
            from lead_score_orders
            group by customer_id
        ) as o on o.customer_id = c.id
        cross join lead_score_active_model as a
        inner join lead_score_models as m on m.id = a.model_id
    ) as c
"""


def hundredth_due(_: int) -> Steps:
    """Rescore by due date, a thousand at a time, when a hundredth of the customers is due."""
    from rfm import db

    connection = open_connection("ours")
    connection.execute("call rescore_stale_customers(10000000)")
    [(age,)] = connection.execute(_A_HUNDREDTH).fetchall()
    connection.execute("set session_replication_role = replica")
    connection.execute("update customers set last_scored_at = now() - %s", (age,))
    connection.execute(
        # the procedure itself looks an hour further back
        "update lead_score_rescoring set done_until = now() - %s + interval '1 hour'",
        (age,),
    )
    connection.execute("vacuum analyze customers")
    yield None
    rescored = db.rescore_stale(engine("ours"))
    yield None
    print(f"{rescored} rescored", file=sys.stderr)


_BARE = """
    select o.customer_id, max(o.ordered_at), count(*), sum(o.amount)
    from lead_score_orders as o where o.ordered_at <= now() group by o.customer_id
"""


def bare_aggregation(_: int) -> Steps:
    """Aggregate all orders by customer; the server discards the rows."""
    connection = open_connection("ours")
    yield None
    connection.execute(f"explain (analyze, timing off) {_BARE}")
    yield None


def bare_rows(_: int) -> Steps:
    """Aggregate all orders by customer; the driver gets the rows."""
    connection = open_connection("ours")
    yield None
    connection.execute(_BARE)
    yield None


def nothing_to_do(customers: int) -> Steps:
    """Run a backfill that finds nobody out of date, except a few who just became a day older."""
    from rfm import db

    db.backfill(engine("ours"))
    open_connection("ours").close()
    yield None
    rescored = db.backfill(engine("ours")).rescored
    yield None
    if rescored > customers // 10_000:
        raise AssertionError(f"{rescored} were out of date")


EVERYBODY = Bench(
    name="everybody",
    title="Scoring 1,000,000 customers with 10,000,000 orders again",
    trials={
        "ours": Trial(everybody_ours, CUSTOMERS),
        "the guide's": Trial(everybody_guide, CUSTOMERS),
        "a hundredth due": Trial(hundredth_due, CUSTOMERS),
    },
    figures=(
        Figure("everybody again against the guide's UPDATE", "ours", "the guide's", at_most=0.6),
        Figure(
            "a hundredth by due date against everybody", "a hundredth due", "ours", at_most=0.05
        ),
    ),
    rounds=3,
)

NOTHING_TO_DO = Bench(
    name="nothing-to-do",
    title="A backfill with nothing to do, 1,000,000 customers with 10,000,000 orders",
    trials={
        "backfill": Trial(nothing_to_do, CUSTOMERS),
        "aggregation": Trial(bare_aggregation, CUSTOMERS),
        "aggregation, rows sent": Trial(bare_rows, CUSTOMERS),
    },
    figures=(
        Figure(
            "nothing to do against the bare aggregation", "backfill", "aggregation", at_most=1.3
        ),
        Figure(
            "nothing to do against the aggregation with its rows sent",
            "backfill",
            "aggregation, rows sent",
        ),
    ),
    rounds=3,
)
