"""One row per customer: the stored scores, and what the orders come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import polars as pl
from sqlalchemy import Connection, Engine, text

from rfm.db.connect import composed, cursor
from rfm.db.reads.reader import Reader, exact, open_reader
from rfm.db.schema.required import CUSTOMERS, need

RANGE_SIZE = 100_000
"""Customers that are read at once; some hundred bytes each."""


class KeyRange(NamedTuple):
    """Customers that lie beside each other: from `first` on, up to the one before `stop`."""

    first: str
    stop: str | None  # None: no end
    customers: int


def key_ranges(connection: Connection, size: int = RANGE_SIZE) -> list[KeyRange]:
    """Cut the customers into ranges of `size`, going from one to the next by their primary key."""
    firsts = list(connection.scalars(_FIRSTS, {"size": size}))
    if not firsts:
        return []
    full = [KeyRange(first, stop, size) for first, stop in pairwise(firsts)]
    rest = cursor(connection).execute(composed(_REST, first=firsts[-1])).fetchall()
    return [*full, KeyRange(firsts[-1], None, rest[0][0])]


# A window over all customers would take three times as long.
_FIRSTS = text("""
    with recursive firsts (id) as (
        (select c.id from public.lead_score_customers as c order by c.id limit 1)
        union all
        select (
            select c.id from public.lead_score_customers as c
            where c.id >= f.id
            order by c.id
            offset :size limit 1
        )
        from firsts as f
        where f.id is not null
    )

    select f.id::text from firsts as f where f.id is not null order by f.id
""")
_REST = "select count(*) from public.lead_score_customers as c where c.id >= {first}"


def read_totals(reader: Reader, keys: KeyRange, until: datetime) -> pl.DataFrame:
    """Return the customers of a range, in no particular order.

    `customer_id` (text), `last_scored_at` (UTC; null where it is not finite), the four stored
    scores, and of the orders up to `until`: `last_order_at` (UTC; null where there is none, or it
    lies at -infinity), `frequency` and `monetary` (exact).
    """
    totals = reader.read(_TOTALS, first=keys.first, stop=keys.stop, until=until)
    return totals.with_columns(
        pl.col("rfm_monetary").cast(pl.Decimal(3, 2)), exact(totals["monetary"])
    )


# The keys are literals without a type, so that they take the column's own. The range stands twice,
# because PostgreSQL does not conclude the one on orders from the one on customers.
_TOTALS = """
    select
        c.id::text as customer_id,
        -- Arrow has no infinity, and its calendar ends some years before PostgreSQL's
        case
            when c.last_scored_at > '-infinity' and c.last_scored_at < '294000-01-01'
                then c.last_scored_at
        end as last_scored_at,
        c.lead_score,
        c.rfm_recency,
        c.rfm_frequency,
        c.rfm_monetary::text as rfm_monetary,
        nullif(t.last_order_at, '-infinity') as last_order_at,
        coalesce(t.frequency, 0) as frequency,
        coalesce(t.monetary, 0)::text as monetary
    from public.lead_score_customers as c
    left join (
        select
            o.customer_id,
            max(o.ordered_at) as last_order_at,
            count(*) as frequency,
            sum(o.amount) as monetary
        from public.lead_score_orders as o
        where
            o.ordered_at <= {until}
            and o.customer_id >= {first}
            and ({stop} is null or o.customer_id < {stop})
        group by o.customer_id
    ) as t on t.customer_id = c.id
    where c.id >= {first} and ({stop} is null or c.id < {stop})
"""


def clock(engine: Engine) -> datetime:
    """Return what time it is in the database."""
    with engine.connect() as connection:
        return read_clock(connection)


def read_clock(connection: Connection) -> datetime:
    """Do the same as `clock` inside the caller's transaction, whose beginning it is."""
    now: datetime = connection.execute(text("select now()")).scalar_one()
    return now.astimezone(UTC)


@contextmanager
def every_range(
    engine: Engine, until: datetime, size: int = RANGE_SIZE
) -> Iterator[Iterator[pl.DataFrame]]:
    """Open what `read_totals` tells of the customers of a database, a range at a time."""
    with engine.connect() as connection:
        need(connection, CUSTOMERS)
        ranges = key_ranges(connection, size)
        with open_reader(connection) as reader:
            yield (read_totals(reader, keys, until) for keys in ranges)
