"""Many histories in one table, because a query costs a second where the data live on many machines."""

from datetime import UTC, datetime

import polars as pl
from hypothesis import strategies as st

import rfm
from rfm.testing import orders

AS_OF = datetime(2026, 11, 1, 12, 0, 0, 5, tzinfo=UTC)


def crowds(model=rfm.PUBLISHED, most=12):
    """Draw frames of orders of up to six customers for each of many histories."""
    return st.lists(orders(AS_OF, model, max_size=12), min_size=1, max_size=most).map(_together)


def _together(histories):
    return pl.concat(
        [
            frame.with_columns(
                pl.concat_str(pl.lit(f"{number}-"), "customer_id").alias("customer_id")
            )
            for number, frame in enumerate(histories)
        ]
    )
