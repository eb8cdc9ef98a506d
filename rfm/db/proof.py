"""The proof: what the database's triggers stored is what Polars finds on the same orders."""

import polars as pl
from sqlalchemy import Connection, Engine, text

from rfm.db.models.stored import read_active_model
from rfm.db.schema.required import CUSTOMERS, need
from rfm.scoring import score_frame
from rfm.stored import compare_scores
from rfm.summary import summarize_orders

_ORDERS = text("""
    select
        o.customer_id::text as customer_id,
        case
            -- PostgreSQL's last years do not fit; no order of them counts yet
            when o.ordered_at >= '294000-01-01' then null
            when isfinite(o.ordered_at) then (extract(epoch from o.ordered_at) * 1000000)::bigint
            -- long before the first instant that PostgreSQL knows: summarize_orders' -infinity
            when o.ordered_at = '-infinity' then -4611686018427387904
        end as ordered_at,
        o.amount::text as amount
    from public.lead_score_orders as o
    where o.customer_id is not null
""")

_SCORES = text("""
    select
        c.id::text as customer_id,
        c.last_scored_at,
        c.lead_score,
        c.rfm_recency,
        c.rfm_frequency,
        c.rfm_monetary
    from public.lead_score_customers as c
""")


def score_differences(engine: Engine) -> pl.DataFrame:
    """Score every customer in Polars and return those whose stored scores are others.

    Orders, scores and the active model are read in one snapshot; each customer is scored at the
    instant that the stored score is for (`last_scored_at`). One row a difference: `customer_id`
    (text), `last_scored_at`, each stored score and each expected one (`expected_lead_score`, …).
    No row means that database and library agree.

    >>> from rfm.testing import example_engine
    >>> score_differences(example_engine()).height
    0
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        need(connection, CUSTOMERS)
        stored = read_scores(connection)
        orders = read_orders(connection)
        model = read_active_model(connection)
    summary = summarize_orders(orders, as_of=pl.col("last_scored_at"), customers=stored)
    compared = compare_scores(stored, score_frame(summary, model))
    return compared.filter(~pl.col("agree")).drop("agree")


def read_orders(connection: Connection) -> pl.DataFrame:
    """Return `lead_score_orders`: `customer_id` as text, `ordered_at` in UTC, `amount` exact."""
    scale = connection.scalar(
        text("select coalesce(max(scale(amount)), 0) from public.lead_score_orders")
    )
    return pl.DataFrame(
        connection.execute(_ORDERS).all(),
        schema={"customer_id": pl.String, "ordered_at": pl.Int64, "amount": pl.String},
        orient="row",
    ).with_columns(
        pl.col("ordered_at").cast(pl.Datetime("us", "UTC")),
        pl.col("amount").cast(pl.Decimal(38, scale)),
    )


def read_scores(connection: Connection) -> pl.DataFrame:
    """Return the stored scores, one row a customer."""
    return pl.DataFrame(
        connection.execute(_SCORES).all(),
        schema={
            "customer_id": pl.String,
            "last_scored_at": pl.Datetime("us", "UTC"),
            "lead_score": pl.Int32,
            "rfm_recency": pl.Int32,
            "rfm_frequency": pl.Int32,
            "rfm_monetary": pl.Decimal(3, 2),
        },
        orient="row",
    )
