"""Readers of one row per customer from PostgreSQL into Polars.

The row is the one that a backfill reads: key, stored scores, newest counted order, count, sum. All
readers run the same aggregation and have to give the same frame: exact sums of up to 25 digits,
infinite instants that do not fail the read, keys of uuid, bigint and text.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from benchmarks.bench import Bench, Figure, Trial
from benchmarks.server import address, autocommit, engine, plain_connection, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.bench import Steps

CUSTOMERS: Final = 200_000
KEYS: Final = {
    "uuid": "md5({n}::text)::uuid",
    "bigint": "{n}::bigint",
    # characters that CSV has to quote
    "text": """'customer, "' || {n} || E'"\n'""",
}
SCHEMA: Final[Mapping[Any, Any]] = {
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

AGGREGATE: Final = """
    select o.customer_id, max(o.created_at) as last_order_at, count(*) as frequency,
        sum(o.total_cents * 0.01) as monetary
    from orders as o where o.created_at <= now() group by o.customer_id
"""


def rows(instant: str) -> str:
    """Return the query; `instant` is how the reader takes one."""
    return f"""
        select c.id::text as customer_id, {instant.format("c.last_scored_at")} as last_scored_at,
            c.lead_score, c.rfm_recency, c.rfm_frequency, c.rfm_monetary::text,
            {instant.format("t.last_order_at")} as last_order_at,
            coalesce(t.frequency, 0) as frequency, coalesce(t.monetary, 0)::text as monetary
        from customers as c left join ({AGGREGATE}) as t on t.customer_id = c.id
    """


FINITE: Final = "case when isfinite({0}) then {0} end"
MICROSECONDS: Final = "case when isfinite({0}) then (extract(epoch from {0}) * 1000000)::bigint end"

# ---------------------------------------------------------------- readers


def copy_csv(_: int, key: str) -> Steps:
    """COPY as CSV through psycopg, parsed by Polars."""
    plain = {
        name: pl.Int64() if isinstance(kind, pl.Datetime) else kind for name, kind in SCHEMA.items()
    }
    connection = plain_connection(key)
    yield None
    with connection.cursor().copy(f"copy ({rows(MICROSECONDS)}) to stdout (format csv)") as copy:
        frame = pl.read_csv(b"".join(copy), schema=plain, has_header=False).cast(SCHEMA)
    yield _digest(frame)


def copy_binary(_: int, key: str) -> Steps:
    """Binary COPY through psycopg, which makes Python objects row by row."""
    types = ["text", "timestamptz", *["int4"] * 3, "text", "timestamptz", "int8", "text"]
    plain = dict(SCHEMA) | {"rfm_monetary": pl.String()}
    connection = plain_connection(key)
    yield None
    with connection.cursor().copy(f"copy ({rows(FINITE)}) to stdout (format binary)") as copy:
        copy.set_types(types)
        frame = pl.DataFrame(copy.rows(), schema=plain, orient="row").cast(SCHEMA)
    yield _digest(frame)


def adbc(_: int, key: str) -> Steps:
    """ADBC's driver, which reads binary COPY into Arrow: the reader of rfm.db."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address(key), autocommit=True) as connection, connection.cursor() as cursor:
        yield None
        cursor.execute(rows(FINITE))
        yield _digest(cursor.fetch_polars().cast(SCHEMA))


def connectorx(_: int, key: str) -> Steps:
    """ConnectorX, in one partition, like the others."""
    # it takes the host from the network part of the address alone
    url = engine(key).url
    host = (url.host or str(url.query["host"])).replace("/", "%2F")
    name = f"postgresql://{url.username}:{url.password or ''}@{host}/{url.database}"
    yield None
    found = pl.read_database_uri(rows(MICROSECONDS), name, engine="connectorx")
    yield _digest(found.cast(SCHEMA))


def bare_aggregation(_: int, key: str) -> Steps:
    """Run the aggregation alone; the server discards the rows."""
    connection = plain_connection(key)
    yield None
    connection.execute(f"explain (analyze, timing off) {AGGREGATE}")
    yield None


def _digest(frame: pl.DataFrame) -> str:
    """Return a hash of all rows; equal frames have the same one."""
    if "92233720368547758" not in "".join(frame["monetary"]):
        raise AssertionError("no extreme sum was read")
    return str(frame.sort("customer_id").hash_rows(seed=0).implode().hash(seed=0).item())


# ---------------------------------------------------------------- scene

_FILL: Final = """
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
from generate_series(1, {orders}::bigint) as n;
update customers set last_scored_at = 'infinity' where lead_score = 7;
update orders set created_at = '-infinity' where total_cents = 31;
update orders set total_cents = 9223372036854775807 where total_cents % 1000 = 62;
create index on orders (customer_id, created_at) include (total_cents);
"""


@contextmanager
def scene(benches: Sequence[Bench]) -> Iterator[dict[str, str]]:
    """Start the server and fill a database for each type of key."""
    customers = max(trial.size for bench in benches for trial in bench.trials.values())
    facts = start()
    for key in {trial.words[0] for bench in benches for trial in bench.trials.values()}:
        autocommit(engine("postgres"), f"create database {key}")
        _fill(key, customers)
    yield facts


def _fill(key: str, customers: int) -> None:
    """Make customers with ten orders each; some have extreme sums and infinite instants."""
    script = _FILL.format(
        key=key,
        first=KEYS[key].format(n="n"),
        owner=KEYS[key].format(n=f"(1 + (n * 7919) % {customers})"),
        customers=customers,
        orders=customers * 10,
    )
    with plain_connection(key) as connection:
        connection.execute(script.encode())
        connection.execute("vacuum analyze customers, orders")


def _bench(key: str) -> Bench:
    cases = {
        "ADBC": adbc,
        "COPY as CSV": copy_csv,
        "ConnectorX": connectorx,
        "binary COPY": copy_binary,
        "aggregation alone": bare_aggregation,
    }
    return Bench(
        name=f"readers-{key}",
        title=f"200,000 customers with keys of {key} and 2,000,000 orders, read into Polars",
        trials={label: Trial(case, CUSTOMERS, (key,)) for label, case in cases.items()},
        figures=tuple(
            Figure(f"ADBC against {label}", "ADBC", label) for label in cases if label != "ADBC"
        ),
        rounds=7,
    )


BENCHES = tuple(_bench(key) for key in KEYS)
