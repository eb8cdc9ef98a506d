"""What a shop's data may look like, for Hypothesis."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from rfm import Model
from tests.core.reference import Order, Summary

CENTS = pl.Decimal(38, 2)
ORDERS = pl.Schema(
    {
        "customer_id": pl.String(),
        "ordered_at": pl.Datetime("us", "UTC"),
        "amount": CENTS,
        "status": pl.String(),
    }
)
AS_OF = datetime(2025, 6, 1, 12, tzinfo=UTC)

# few names, few hours, few cents: ties and edges are then common
names = st.sampled_from(["ada", "Bøb", "李", ""])
moments = st.one_of(
    st.integers(-24 * 400, 24 * 30).map(lambda hours: AS_OF + timedelta(hours=hours)),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),
)
money = st.one_of(
    st.sampled_from([Decimal(0), Decimal("49.99"), Decimal(50), Decimal("-3.10")]),
    st.decimals(-(10**12), 10**12, places=2),
)
statuses = st.sampled_from(
    [None, "paid", "CANCELLED", "Canceled", "refunded", "void", "failed", ""]
)
orders = st.lists(
    st.builds(Order, names, st.none() | moments, st.none() | money, statuses), max_size=20
)

days = st.integers(0, 8) | st.integers(0, 10**6)
counts = st.integers(0, 8) | st.integers(0, 10**6)


def summaries(spend=money, **size):
    customer = st.builds(Summary, st.none() | days, counts, st.none() | spend)
    return st.lists(customer, **size)


def _four(numbers, *, reverse=False):
    return st.lists(numbers, max_size=4).map(lambda chosen: sorted(chosen, reverse=reverse))


models = st.builds(
    Model,
    recency=_four(days, reverse=True),
    frequency=_four(counts),
    monetary=_four(money | st.decimals(-1000, 1000, places=4)),
    weights=st.permutations([1, 2, 3]) | st.just([2, 2, 2]) | st.permutations([4, 1, 1]),
)


def order_frame(rows):
    return pl.DataFrame(rows, schema=ORDERS, orient="row")


def summary_frame(customers, monetary=CENTS):
    schema = {"recency_days": pl.Int64, "frequency": pl.Int64, "monetary": monetary}
    return pl.DataFrame(customers, schema=schema, orient="row")


def steps_in_memory(plan):
    """How many steps of a plan the streaming engine hands over to the other one."""
    graph = plan.show_graph(engine="streaming", plan_stage="physical", raw_output=True)
    return graph.count("in-memory-map")
