"""Thousands of orders of one customer in one INSERT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Figure, Trial
from benchmarks.server import open_connection

if TYPE_CHECKING:
    from benchmarks.bench import Steps


def one_insert(orders: int, database: str) -> Steps:
    """Insert this number of orders of one customer in one statement."""
    connection = open_connection(database)
    connection.execute("begin")
    yield None
    connection.execute(
        "insert into orders (customer_id, status, total_cents, currency)"
        " select id, 'paid', 4200, 'USD' from customers, generate_series(1, %s)"
        " where email = 'customer-1@example.com'",
        (orders,),
    )
    yield None
    connection.execute("rollback")


ONE_CUSTOMER = Bench(
    name="one-customer",
    title="Thousands of orders of one customer in one INSERT",
    trials={
        "4,000 orders": Trial(one_insert, 4_000, ("ours",)),
        "8,000 orders": Trial(one_insert, 8_000, ("ours",)),
        "4,000 orders, the guide's triggers": Trial(one_insert, 4_000, ("guide",)),
    },
    figures=(
        Figure(
            "8,000 orders of one customer against 4,000",
            "8,000 orders",
            "4,000 orders",
            at_most=2.2,
        ),
        Figure(
            "4,000 orders, the guide's way",
            "4,000 orders, the guide's triggers",
            "4,000 orders",
        ),
    ),
    rounds=5,
)
