"""One order, committed."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial
from benchmarks.server import open_connection

if TYPE_CHECKING:
    from benchmarks.bench import Steps

CUSTOMERS: Final = 1_000_000
LEAST, SHARE = 100, 500  # number of inserts: one for each 500 customers

_INSERT: Final = (
    "insert into orders (customer_id, status, total_cents, currency)"
    " values (%s, 'paid', 4200, 'USD')"
)


def one_order(customers: int, database: str) -> Steps:
    """Insert one order, committed: the median of many, each of another customer."""
    connection = open_connection(database)
    ids = [key for (key,) in connection.execute("select id from customers limit 50000")]
    dice = random.Random(7)  # noqa: S311 - no secret
    for _ in range(20):
        connection.execute(_INSERT, (dice.choice(ids),), prepare=True)
    yield None
    latencies = []
    for _ in range(max(LEAST, customers // SHARE)):
        key = dice.choice(ids)
        started = time.perf_counter()
        connection.execute(_INSERT, (key,), prepare=True)
        latencies.append(time.perf_counter() - started)
    yield Seconds(latencies)
    connection.execute(
        "delete from orders where created_at > now() - interval '1 hour' and event_name is null"
    )


def one_transaction(orders: int, database: str) -> Steps:
    """Insert orders one by one, each of another customer, in one transaction.

    Each order is scored in a subtransaction: PostgreSQL keeps 64 of them at hand.
    """
    connection = open_connection(database)
    ids = [key for (key,) in connection.execute("select id from customers limit %s", (orders,))]
    connection.execute("begin")
    connection.execute(_INSERT, (ids[0],), prepare=True)
    yield None
    for key in ids:
        connection.execute(_INSERT, (key,), prepare=True)
    yield len(ids)
    connection.execute("rollback")


ORDER = Bench(
    name="order",
    title="One order, committed",
    trials={
        "without scoring": Trial(one_order, CUSTOMERS, ("without",)),
        "our triggers": Trial(one_order, CUSTOMERS, ("ours",)),
        "the guide's triggers": Trial(one_order, CUSTOMERS, ("guide",)),
    },
    figures=(
        Figure(
            "one order against one without scoring",
            "our triggers",
            "without scoring",
            at_most=1.5,
        ),
        Figure("one order, the guide's way", "the guide's triggers", "without scoring"),
    ),
    rounds=15,
)

ONE_TRANSACTION = Bench(
    name="one-transaction",
    title="10,000 orders, one by one, in one transaction",
    trials={
        "without scoring": Trial(one_transaction, 10_000, ("without",)),
        "our triggers": Trial(one_transaction, 10_000, ("ours",)),
        "the guide's triggers": Trial(one_transaction, 10_000, ("guide",)),
    },
    figures=(
        Figure("10,000 orders in one transaction", "our triggers", "without scoring"),
        Figure("the same, the guide's way", "the guide's triggers", "without scoring"),
    ),
    rounds=5,
)
