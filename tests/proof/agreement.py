"""Six customers, and what it means that triggers and Polars agree on them."""

from datetime import UTC, datetime
from uuid import UUID

import polars as pl
from hypothesis import strategies as st
from sqlalchemy import text

import rfm
from rfm.db.models.stored import read_active_model
from rfm.db.sql import run
from rfm.stored import SCORES, compare_scores

CUSTOMERS = [UUID(int=number) for number in range(1, 7)]
NOW = datetime.now(UTC)
FOREVER = st.sampled_from(["infinity", "-infinity"])

keys = st.sampled_from(CUSTOMERS)


def orders_of(connection):
    """Read the CRM's own orders, not the view: the rule on statuses is Polars' own here."""
    rows = connection.execute(
        text("""
            select
                customer_id::text,
                case
                    when isfinite(created_at) then (extract(epoch from created_at) * 1000000)::bigint
                    when created_at = '-infinity' then -4611686018427387904
                end,
                total_cents::text,
                status
            from orders where customer_id is not null
        """)
    ).all()
    schema = {
        "customer_id": pl.String,
        "ordered_at": pl.Int64,
        "amount": pl.String,
        "status": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("ordered_at").cast(pl.Datetime("us", "UTC")),
        pl.col("amount").cast(pl.Decimal(38, 2)) * pl.lit("0.01").cast(pl.Decimal(38, 2)),
    )


def scores_of(connection):
    rows = run(connection, "internal/reads/scores", first=UUID(int=0), stop=None).fetchall()
    names = ("customer_id", "last_scored_at", *SCORES)
    return pl.DataFrame(
        [[getattr(row, name) for name in names] for row in rows],
        schema=dict(
            zip(
                names,
                (pl.String, pl.Datetime("us", "UTC"), pl.Int32, pl.Int32, pl.Int32, pl.String),
                strict=True,
            )
        ),
        orient="row",
    ).with_columns(pl.col("rfm_monetary").cast(pl.Decimal(3, 2)))


def assert_agreement(connection):
    """Every stored score is Polars' score; and drift, which is SQL's own opinion, is empty."""
    stored = scores_of(connection)
    summary = rfm.summarize_orders(
        orders_of(connection), as_of=pl.col("last_scored_at"), customers=stored
    )
    expected = rfm.score_frame(summary, read_active_model(connection)[0])
    differences = compare_scores(stored, expected).filter(~pl.col("agree"))
    assert differences.rows(named=True) == []
    assert connection.execute(text("select * from lead_score_drift()")).all() == []
