"""Readers of one row per customer from PostgreSQL into Polars, measured side by side.

The row is the one that `rfm.db.backfill` reads: key, stored scores, newest counted order, count,
sum. Every reader gets the same aggregation and has to give the same frame: exact sums of up to 25
digits, infinite instants that do not fail the read, keys of uuid, bigint and text. The readers
take turns, so that whatever else the machine does hits them alike.

    pip install '.[embedded,testing]' connectorx pyarrow
    python benchmarks/readers.py [customers]          # each has ten orders; 200000 by default
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
import psycopg
from sqlalchemy import Engine

from rfm.db.connect import run_script
from rfm.db.reads.reader import open_reader
from rfm.testing import temporary_database

ROUNDS = 7
KEYS = {
    "uuid": "md5({n}::text)::uuid",
    "bigint": "{n}::bigint",
    # what a field of a CSV file has to be quoted for
    "text": """'customer, "' || {n} || E'"\n'""",
}
SCHEMA: Mapping[Any, Any] = {
    "customer_id": pl.String(),
    "last_scored_at": pl.Datetime("us", "UTC"),
    "lead_score": pl.Int32(),
    "rfm_recency": pl.Int32(),
    "rfm_frequency": pl.Int32(),
    "rfm_monetary": pl.Decimal(3, 2),
    "last_order_at": pl.Datetime("us", "UTC"),
    "frequency": pl.Int64(),
    "monetary": pl.String(),
}

AGGREGATE = """
    select o.customer_id, max(o.created_at) as last_order_at, count(*) as frequency,
        sum(o.total_cents * 0.01) as monetary
    from orders as o where o.created_at <= now() group by o.customer_id
"""


def rows(instant: str, text: str = "text") -> str:
    """Write the query of one reader: how it takes an instant, and how a number or key as text."""
    return f"""
        select c.id::{text} as customer_id, {instant.format("c.last_scored_at")} as last_scored_at,
            c.lead_score, c.rfm_recency, c.rfm_frequency, c.rfm_monetary::{text},
            {instant.format("t.last_order_at")} as last_order_at,
            coalesce(t.frequency, 0) as frequency, coalesce(t.monetary, 0)::{text} as monetary
        from customers as c left join ({AGGREGATE}) as t on t.customer_id = c.id
    """


FINITE = "case when isfinite({0}) then {0} end"
MICROSECONDS = "case when isfinite({0}) then (extract(epoch from {0}) * 1000000)::bigint end"


def copy_csv(engine: Engine) -> pl.DataFrame:
    """COPY as CSV through psycopg, parsed by Polars."""
    with (
        engine.connect() as connection,
        connection.connection.cursor().copy(
            f"copy ({rows(MICROSECONDS)}) to stdout (format csv)"
        ) as copy,
    ):
        plain = {
            name: pl.Int64() if isinstance(kind, pl.Datetime) else kind
            for name, kind in SCHEMA.items()
        }
        return pl.read_csv(b"".join(copy), schema=plain, has_header=False).cast(SCHEMA)


def copy_binary(engine: Engine) -> pl.DataFrame:
    """Binary COPY through psycopg, which makes Python objects row by row."""
    types = ["text", "timestamptz", *["int4"] * 3, "text", "timestamptz", "int8", "text"]
    with (
        engine.connect() as connection,
        connection.connection.cursor().copy(
            f"copy ({rows(FINITE)}) to stdout (format binary)"
        ) as copy,
    ):
        copy.set_types(types)
        plain = dict(SCHEMA) | {"rfm_monetary": pl.String()}
        return pl.DataFrame(copy.rows(), schema=plain, orient="row").cast(SCHEMA)


def address(engine: Engine) -> str:
    """Return the address with its password, which the other two ask for."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def adbc(engine: Engine) -> pl.DataFrame:
    """ADBC's driver, which reads binary COPY into Arrow: the reader of rfm.db."""
    with engine.connect() as connection, open_reader(connection) as reader:
        return reader.read(rows(FINITE).replace("{", "{{").replace("}", "}}")).cast(SCHEMA)


def connectorx(engine: Engine) -> pl.DataFrame:
    """ConnectorX, in one partition, as the others."""
    # it takes the host from the network part of the address alone
    url = engine.url
    host = (url.host or str(url.query["host"])).replace("/", "%2F")
    name = f"postgresql://{url.username}:{url.password or ''}@{host}/{url.database}"
    found = pl.read_database_uri(rows(MICROSECONDS), name, engine="connectorx")
    return found.cast(SCHEMA)


READERS: tuple[Callable[[Engine], pl.DataFrame], ...] = (copy_csv, adbc, connectorx, copy_binary)


def fill(engine: Engine, key: str, customers: int) -> None:
    """Make customers with ten orders each; some have extreme sums and infinite instants."""
    first, owner = KEYS[key].format(n="n"), KEYS[key].format(n=f"(1 + (n * 7919) % {customers})")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run_script(
            connection,
            f"""
            create table customers (id {key} primary key, last_scored_at timestamptz,
                lead_score integer, rfm_recency integer, rfm_frequency integer,
                rfm_monetary numeric(3, 2));
            create table orders (customer_id {key}, created_at timestamptz, total_cents bigint);
            insert into customers
            select {first}, now() - n * interval '1 second', 6 + n % 25, 1 + n % 5, 1 + n % 4,
                1 + n % 3
            from generate_series(1, {customers}::bigint) as n;
            insert into orders
            select {owner}, now() - n * interval '7 seconds', n * 31 % 90000
            from generate_series(1, {customers * 10}::bigint) as n;
            update customers set last_scored_at = 'infinity' where lead_score = 7;
            update orders set created_at = '-infinity' where total_cents = 31;
            update orders set total_cents = 9223372036854775807 where total_cents % 1000 = 62;
            create index on orders (customer_id, created_at) include (total_cents);
            """,
        )
        connection.exec_driver_sql("vacuum analyze customers, orders")


def seconds(work: Callable[[Engine], object], engine: Engine) -> float:
    """Return what one call takes."""
    started = time.perf_counter()
    work(engine)
    return time.perf_counter() - started


def bare(engine: Engine) -> None:
    """Run the aggregation alone, its rows thrown away on the server's side of the wire."""
    with psycopg.connect(address(engine)) as connection:
        connection.execute(f"explain (analyze, timing off) {AGGREGATE}")


def agree(engine: Engine) -> None:
    """Stop unless every reader gives the same frame, to the last digit."""
    first, *others = (reader(engine).sort("customer_id") for reader in READERS)
    if not all(first.equals(other) for other in others):
        raise SystemExit("the readers differ")
    if "92233720368547758" not in "".join(first["monetary"]):
        raise SystemExit("no extreme sum was read")


def main() -> None:
    """Print a table for each type of key."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"{datetime.now(UTC):%Y-%m-%d}: {customers:,} customers, {customers * 10:,} orders")
    for key in KEYS:
        with temporary_database() as engine:
            fill(engine, key, customers)
            agree(engine)
            works = {"bare aggregation": bare} | {r.__name__: r for r in READERS}
            took: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(ROUNDS):
                for name, work in works.items():
                    took[name].append(seconds(work, engine))
        for name, times in took.items():
            print(f"{key:7} {name:17} {min(times):.2f} s, median {statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
