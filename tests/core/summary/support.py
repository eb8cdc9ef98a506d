"""What the tests of summaries share."""

import polars as pl
from polars.testing import assert_frame_equal

import rfm
from tests.core.strategies import AS_OF

NUMBERS = ["recency_days", "frequency", "monetary"]
ENGINES = ["in-memory", "streaming"]
DAY = 86_400_000_000
EARLIEST = -2_440_588 * DAY


def summarize(frame, as_of=AS_OF, **keywords):
    return rfm.summarize_orders(frame, as_of=as_of, **keywords)


def numbers(summary):
    columns = ["customer_id", *NUMBERS]
    return {row[0]: row[1:] for row in summary.lazy().select(columns).collect().rows()}


def assert_same(one, other):
    """Equal but for the order of the rows."""
    assert_frame_equal(one, other, check_row_order=False)


def one_customer(ordered_at, amount=1, **columns):
    """Orders of a single customer."""
    data = {"ordered_at": ordered_at, "amount": amount, **columns}
    return pl.DataFrame(data).with_columns(customer_id=pl.lit("ada"))
