"""Orders of many customers in one INSERT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Trial
from benchmarks.server import open_connection

if TYPE_CHECKING:
    import psycopg

    from benchmarks.bench import Steps

CUSTOMERS: Final = 1_000_000
SHARE: Final = 20  # every twentieth customer gets an order

_INSERT: Final = (
    "insert into orders (customer_id, status, total_cents, currency)"
    " select id, 'paid', 4200, 'USD' from chosen"
)
# Before the clock starts, 1 % of the rows get the prefix. After `bad-`, each update of them fails.
_BAD_ROWS: Final = """
    update customers set email = '{prefix}' || email
    where id in (select id from chosen where number % 100 = 0);
    alter table customers add constraint no_bad_row check (email not like 'bad-%') not valid;
"""


def bulk(customers: int, database: str) -> Steps:
    """Insert an order for every twentieth customer, in one statement."""
    connection = _begin(customers, database)
    yield None
    connection.execute(_INSERT)
    yield None
    connection.execute("rollback")


def bulk_with_checked_rows(customers: int, database: str, prefix: str) -> Steps:
    """Do the same, with a constraint that fails for each update of a customer with `bad-`."""
    connection = _begin(customers, database)
    connection.execute(_BAD_ROWS.format(prefix=prefix))
    yield None
    inserted = connection.execute(_INSERT).rowcount
    yield inserted
    connection.execute("rollback")


def _begin(customers: int, database: str) -> psycopg.Connection[tuple[object, ...]]:
    connection = open_connection(database)
    connection.execute(
        "create temporary table chosen as"
        " select id, row_number() over () as number from customers"
        f" limit {max(1, customers // SHARE):d}"
    )
    connection.execute("begin")
    return connection


BULK = Bench(
    name="bulk",
    title="Orders of 50,000 customers in one INSERT",
    trials={
        "without scoring": Trial(bulk, CUSTOMERS, ("without",)),
        "our triggers": Trial(bulk, CUSTOMERS, ("ours",)),
        "the guide's triggers": Trial(bulk, CUSTOMERS, ("guide",)),
    },
    figures=(
        Figure(
            "50,000 orders against 50,000 without scoring",
            "our triggers",
            "without scoring",
            at_most=3,
        ),
        Figure("50,000 orders, the guide's way", "the guide's triggers", "without scoring"),
    ),
    rounds=5,
)

BULK_WITH_BAD_ROWS = Bench(
    name="bulk-bad-rows",
    title="Orders of 50,000 customers in one INSERT; 1 % of them break a constraint when scored",
    trials={
        "without scoring": Trial(bulk_with_checked_rows, CUSTOMERS, ("without", "bad-")),
        "no bad row": Trial(bulk_with_checked_rows, CUSTOMERS, ("ours", "fine-")),
        "1 % bad rows": Trial(bulk_with_checked_rows, CUSTOMERS, ("ours", "bad-")),
    },
    figures=(
        Figure("50,000 orders, 1 % bad rows against none", "1 % bad rows", "no bad row"),
        Figure("1 % bad rows against no scoring", "1 % bad rows", "without scoring"),
    ),
    rounds=5,
)
