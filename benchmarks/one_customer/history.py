"""One more order of a customer who has many already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial
from benchmarks.server import open_connection, plain_connection

if TYPE_CHECKING:
    from benchmarks.bench import Steps

TRIES: Final = 50
LENGTHS: Final = {"10": 10, "1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}

_INSERT: Final = (
    "insert into orders (customer_id, status, total_cents, currency)"
    " values (%s, 'paid', 4200, 'USD') returning id"
)


def one_more(length: int, database: str) -> Steps:
    """Insert one order, committed: the median of many, each deleted before the next."""
    # a second session deletes without triggers: that setting would discard the first one's plans
    seller, sweeper = open_connection(database), plain_connection(database)
    sweeper.execute("set session_replication_role = replica")
    # a wait for the disk takes longer than scoring, and would hide the difference
    for connection in (seller, sweeper):
        connection.execute("set synchronous_commit = off")
    sweeper.execute("vacuum analyze orders")
    [(key,)] = seller.execute(
        "select id from customers where email = %s", (f"history-{length}@example.com",)
    ).fetchall()
    latencies = []
    for number in range(-3, TRIES):
        if number == 0:
            yield None
        started = time.perf_counter()
        [(order,)] = seller.execute(_INSERT, (key,), prepare=True).fetchall()
        latencies.append(time.perf_counter() - started)
        sweeper.execute("delete from orders where id = %s", (order,))
    yield Seconds(latencies[-TRIES:])


HISTORY = Bench(
    name="history",
    title="One more order of a customer with 10 to 1,000,000 orders",
    trials={
        f"{label}, {name}": Trial(one_more, length, (database,))
        for name, length in LENGTHS.items()
        for label, database in (("our triggers", "ours"), ("without scoring", "without"))
    },
    figures=(
        *(
            Figure(
                f"{LENGTHS[name]:,} orders against ten",
                f"our triggers, {name}",
                "our triggers, 10",
                at_most=3,
            )
            for name in list(LENGTHS)[1:]
        ),
        Figure("one order against one without scoring", "our triggers, 10", "without scoring, 10"),
        Figure("1,000,000 against ten, no scoring", "without scoring, 1M", "without scoring, 10"),
    ),
    rounds=5,
    chart="orders of the customer",
)
