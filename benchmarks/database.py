"""What scoring costs in the database: with our triggers, with the guide's, and without any.

The scene is an embedded PostgreSQL with three copies of the same customers and orders, ten orders a
customer: `without` scoring, `ours`, and `guide`, scored as benchmarks/guide_design.sql does it.
Its settings are PostgreSQL's own, but for autovacuum, which is off, so that it meets no trial by
chance (each trial begins with a VACUUM), and for max_wal_size.
"""

from __future__ import annotations

import os
import random
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Bench, Figure, Seconds, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg
    from sqlalchemy import Engine

CUSTOMERS = 1_000_000
ORDERS_EACH = 10
SINGLE = 2_000  # inserts whose median is a latency
_ADDRESS = "RFM_BENCH_DATABASE"

_FILL = """
-- made again at the end: all at once, not row by row
alter table public.orders drop constraint orders_customer_id_fkey;
drop index public.idx_orders_customer_id;

insert into public.customers (email, full_name)
select 'customer-' || n || '@example.com', 'Customer ' || n
from generate_series(1, {customers}) as n;

create temporary table numbered on commit drop as
select row_number() over () as n, id from public.customers;
create unique index on numbered (n);
analyze numbered;

-- the first customers buy most, as they do
select setseed(0.5);
insert into public.orders (customer_id, status, total_cents, currency, event_name, created_at)
select
    c.id,
    case when random() < 0.03 then 'refunded' else 'paid' end,
    (random() * 20000)::bigint,
    'USD',
    'fair',
    now() - random() * interval '700 days'
from (
    select 1 + floor(random() * random() * {customers})::bigint as n
    from generate_series(1, {orders})
) as o
inner join numbered as c on c.n = o.n;

create index idx_orders_customer_id on public.orders (customer_id);
alter table public.orders add constraint orders_customer_id_fkey
foreign key (customer_id) references public.customers (id) on delete cascade;
"""


@contextmanager
def scene(benches: Sequence[Bench]) -> Iterator[dict[str, str]]:
    """Start the server and fill the databases, as large as the largest trial asks for."""
    from rfm import db
    from rfm.db.connect import connect, run_script
    from rfm.db.sql import read_sql
    from rfm.demo.embedded import start_server

    customers = max(trial.size for bench in benches for trial in bench.trials.values())
    address = start_server()
    os.environ[_ADDRESS] = address
    server = connect(address)
    _autocommit(
        server,
        "alter system set autovacuum = off",
        "alter system set max_wal_size = '16GB'",
        "select pg_reload_conf()",
        "create database without",
    )
    with engine("without").begin() as connection:
        run_script(connection, read_sql("demo/base_tables"))
        run_script(connection, _FILL.format(customers=customers, orders=customers * ORDERS_EACH))
    _autocommit(engine("without"), "vacuum analyze")
    _autocommit(
        server, "create database ours template without", "create database guide template without"
    )
    with engine("guide").begin() as connection:
        run_script(connection, Path(__file__).with_name("guide_design.sql").read_text())
    db.apply(engine("ours"))
    with engine("ours").begin() as connection:
        run_script(connection, "select public.fit_lead_score_model()")
    db.backfill(engine("ours"))
    _autocommit(engine("guide"), "update customers set updated_at = now()", "vacuum analyze")
    _autocommit(engine("ours"), "vacuum analyze")
    with server.connect() as connection:
        yield {"postgresql": str(connection.exec_driver_sql("show server_version").scalar())}


def engine(database: str) -> Engine:
    """Return an engine for one of the scene's databases."""
    from rfm.db.connect import connect

    return connect(os.environ[_ADDRESS].replace("/postgres?", f"/{database}?"))


def _autocommit(on: Engine, *statements: str) -> None:
    with on.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _connection(database: str) -> psycopg.Connection[tuple[object, ...]]:
    import psycopg

    url = engine(database).url.set(drivername="postgresql")
    connection = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
    connection.execute("vacuum analyze customers")
    return connection


# ---------------------------------------------------------------- one order


def _one_order(database: str) -> Iterator[object]:
    connection = _connection(database)
    ids = [key for (key,) in connection.execute("select id from customers limit 50000")]
    dice = random.Random(7)  # noqa: S311 - no secret
    insert = (
        "insert into orders (customer_id, status, total_cents, currency)"
        " values (%s, 'paid', 4200, 'USD')"
    )
    for _ in range(20):
        connection.execute(insert, (dice.choice(ids),), prepare=True)
    yield None
    latencies = []
    for _ in range(SINGLE):
        key = dice.choice(ids)
        started = time.perf_counter()
        connection.execute(insert, (key,), prepare=True)
        latencies.append(time.perf_counter() - started)
    yield Seconds(latencies)
    connection.execute(
        "delete from orders where created_at > now() - interval '1 hour' and event_name is null"
    )


def one_order_without(_: int) -> Iterator[object]:
    """Insert one order, committed, without any scoring: the median of many."""
    yield from _one_order("without")


def one_order_ours(_: int) -> Iterator[object]:
    """Insert one order through our triggers."""
    yield from _one_order("ours")


def one_order_guide(_: int) -> Iterator[object]:
    """Insert one order through the guide's triggers."""
    yield from _one_order("guide")


# ---------------------------------------------------------------- many orders


def _many_orders(database: str, customers: int, each: int) -> Iterator[object]:
    connection = _connection(database)
    connection.execute(
        f"create temporary table chosen as select id from customers limit {customers:d}"
    )
    connection.execute("begin")
    yield None
    connection.execute(
        "insert into orders (customer_id, status, total_cents, currency)"
        " select id, 'paid', 4200, 'USD' from chosen, generate_series(1, %s)",
        (each,),
    )
    yield None
    connection.execute("rollback")


def bulk_without(size: int) -> Iterator[object]:
    """Insert one order each for a twentieth of the customers, in one statement, without scoring."""
    yield from _many_orders("without", size // 20, 1)


def bulk_ours(size: int) -> Iterator[object]:
    """Insert the same through our triggers."""
    yield from _many_orders("ours", size // 20, 1)


def bulk_guide(size: int) -> Iterator[object]:
    """Insert the same through the guide's triggers."""
    yield from _many_orders("guide", size // 20, 1)


def one_customer_4000(_: int) -> Iterator[object]:
    """Insert 4,000 orders of one customer in one statement."""
    yield from _many_orders("ours", 1, 4_000)


def one_customer_8000(_: int) -> Iterator[object]:
    """Insert 8,000 orders of one customer in one statement."""
    yield from _many_orders("ours", 1, 8_000)


def one_customer_guide(_: int) -> Iterator[object]:
    """Insert 4,000 orders of one customer through the guide's triggers."""
    yield from _many_orders("guide", 1, 4_000)


# ---------------------------------------------------------------- everybody


def everybody_ours(_: int) -> Iterator[object]:
    """Score everybody again in one statement."""
    connection = _connection("ours")
    yield None
    connection.execute("select touch_lead_scores(array(select id from customers))")
    yield None


def everybody_guide(_: int) -> Iterator[object]:
    """Score everybody again with the guide's statement and functions."""
    connection = _connection("guide")
    yield None
    connection.execute("update customers set updated_at = now()")
    yield None


# ---------------------------------------------------------------- those who are out of date

# How far to set the clock back so that a hundredth of the customers is due: since when has the
# newest order of each been as old as the last threshold that it has crossed?
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


def hundredth_due(_: int) -> Iterator[object]:
    """Rescore by due date, a thousand at a time, when a hundredth of the customers is due."""
    from rfm import db

    connection = _connection("ours")
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


def bare_aggregation(_: int) -> Iterator[object]:
    """Aggregate all orders by customer, the rows thrown away within the server."""
    connection = _connection("ours")
    yield None
    connection.execute(f"explain (analyze, timing off) {_BARE}")
    yield None


def bare_rows(_: int) -> Iterator[object]:
    """Aggregate all orders by customer, the rows sent to the driver."""
    connection = _connection("ours")
    yield None
    connection.execute(_BARE)
    yield None


def nothing_to_do(customers: int) -> Iterator[object]:
    """Look at everybody, and find nobody out of date but the few who turn a day older meanwhile."""
    from rfm import db

    db.backfill(engine("ours"))
    _connection("ours").close()
    yield None
    rescored = db.backfill(engine("ours")).rescored
    yield None
    if rescored > customers // 10_000:
        raise AssertionError(f"{rescored} were out of date")


# ---------------------------------------------------------------- reading


def _reading(sql: str, index: str) -> Iterator[object]:
    connection = _connection("ours")
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


def timeline_of_a_customer(_: int) -> Iterator[object]:
    """Read the newest twenty activities of one customer."""
    with engine("ours").connect() as connection:
        key = connection.exec_driver_sql("select customer_id from orders limit 1").scalar()
    yield from _reading(
        f"select * from customer_activity_timeline where customer_id = '{key}'"
        " order by created_at desc limit 20",
        "idx_customer_activity_customer_date",
    )


def hot_leads(_: int) -> Iterator[object]:
    """Read the fifty best leads."""
    yield from _reading("select * from hot_leads limit 50", "idx_customers_lead_score")


def refresh_of_the_timeline(_: int) -> Iterator[object]:
    """Refresh the timeline concurrently."""
    connection = _connection("ours")
    yield None
    connection.execute("select refresh_customer_activity_timeline()")
    yield None


BENCHES = (
    Bench(
        name="order",
        title="One order, committed",
        trials={
            "without scoring": Trial(one_order_without, CUSTOMERS),
            "our triggers": Trial(one_order_ours, CUSTOMERS),
            "the guide's triggers": Trial(one_order_guide, CUSTOMERS),
        },
        figures=(
            Figure(
                "one order against one without scoring",
                "our triggers",
                "without scoring",
                at_most=1.35,
            ),
            Figure("one order, the guide's way", "the guide's triggers", "without scoring"),
        ),
        rounds=15,
    ),
    Bench(
        name="bulk",
        title="Orders of 50,000 customers in one INSERT",
        trials={
            "without scoring": Trial(bulk_without, CUSTOMERS),
            "our triggers": Trial(bulk_ours, CUSTOMERS),
            "the guide's triggers": Trial(bulk_guide, CUSTOMERS),
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
    ),
    Bench(
        name="one-customer",
        title="Thousands of orders of one customer in one INSERT",
        trials={
            "4,000 orders": Trial(one_customer_4000, CUSTOMERS),
            "8,000 orders": Trial(one_customer_8000, CUSTOMERS),
            "4,000 orders, the guide's triggers": Trial(one_customer_guide, CUSTOMERS),
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
    ),
    Bench(
        name="everybody",
        title="Scoring 1,000,000 customers with 10,000,000 orders again",
        trials={
            "ours": Trial(everybody_ours, CUSTOMERS),
            "the guide's": Trial(everybody_guide, CUSTOMERS),
            "a hundredth due": Trial(hundredth_due, CUSTOMERS),
        },
        figures=(
            Figure(
                "everybody again against the guide's UPDATE", "ours", "the guide's", at_most=0.6
            ),
            Figure(
                "a hundredth by due date against everybody", "a hundredth due", "ours", at_most=0.05
            ),
        ),
        rounds=3,
    ),
    Bench(
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
    ),
    Bench(
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
    ),
)
