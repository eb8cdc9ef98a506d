"""Sixteen sessions that sell to one customer at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial
from benchmarks.server import open_connection, plain_connection

if TYPE_CHECKING:
    import psycopg

    from benchmarks.bench import Steps

WRITERS: Final = 16
ORDERS: Final = 3_200

_NEW_CUSTOMER: Final = (
    "insert into customers (email, full_name) values ('hot@example.com', 'Hot') returning id"
)
_INSERT: Final = (
    "insert into orders (customer_id, status, total_cents, currency)"
    " values (%s, 'paid', 4200, 'USD')"
)


def hot_customer(orders: int, database: str) -> Steps:
    """Insert orders of a new customer from 16 sessions, one a transaction: the time per order.

    The trial fails if an order is refused.
    """
    each = max(1, orders // WRITERS)
    with ExitStack() as stack:
        seller = stack.enter_context(open_connection(database))
        [(key,)] = seller.execute(_NEW_CUSTOMER).fetchall()
        writers = [stack.enter_context(plain_connection(database)) for _ in range(WRITERS)]
        pool = stack.enter_context(ThreadPoolExecutor(WRITERS))

        def sell(writer: psycopg.Connection[tuple[object, ...]]) -> None:
            for _ in range(each):
                writer.execute(_INSERT, (key,), prepare=True)

        yield None
        started = time.perf_counter()
        for _ in pool.map(sell, writers):
            pass
        yield Seconds([(time.perf_counter() - started) / (each * WRITERS)])
        seller.execute("delete from customers where id = %s", (key,))


HOT_CUSTOMER = Bench(
    name="hot-customer",
    title="One order of the same customer by each of 16 writers, again and again",
    trials={
        "without scoring": Trial(hot_customer, ORDERS, ("without",)),
        "our triggers": Trial(hot_customer, ORDERS, ("ours",)),
        "the guide's triggers": Trial(hot_customer, ORDERS, ("guide",)),
    },
    figures=(
        Figure("one order against one without scoring", "our triggers", "without scoring"),
        Figure("orders of one customer", "our triggers", of="per_second"),
        Figure("the same without scoring", "without scoring", of="per_second"),
        Figure("the same, the guide's way", "the guide's triggers", of="per_second"),
    ),
    rounds=5,
)
