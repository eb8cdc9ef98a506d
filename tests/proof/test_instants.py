"""The proof at one instant: scores and fits of SQL and Polars agree, to the microsecond."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import rfm
from rfm import db
from rfm.db.connect import run_script
from rfm.db.models.stored import read_active_model
from rfm.stored import SCORES
from rfm.testing import cents, instants, models, statuses
from rfm.testing.strategies import DAY
from tests.proof.agreement import CUSTOMERS, FOREVER, NOW, assert_agreement, keys, orders_of

orders_at = st.lists(
    st.tuples(keys, instants(NOW) | FOREVER | st.none(), cents() | st.none(), statuses()),
    max_size=40,
)


def refill(connection, rows):
    connection.rollback()
    connection.execute(text("truncate customers, orders, messages, deals"))
    connection.execute(
        text("insert into customers (id) select unnest(cast(:ids as uuid[]))"), {"ids": CUSTOMERS}
    )
    if rows:
        connection.execute(
            text("""
                insert into orders (customer_id, created_at, total_cents, status)
                values (:key, cast(:at as timestamptz), :cents, :status)
            """),
            [dict(zip(("key", "at", "cents", "status"), row, strict=True)) for row in rows],
        )


def unsettle(connection):
    """Put every score out of range, so that drift shows what it expects of everybody."""
    connection.execute(text("alter table customers disable trigger user"))
    connection.execute(text("update customers set lead_score = -1"))


@given(rows=orders_at, model=models())
def test_sql_and_polars_agree_at_any_instant_to_the_microsecond(connection, rows, model):
    refill(connection, rows)
    connection.execute(
        text("""
            insert into lead_score_models (recency, frequency, monetary, weights)
            values (:recency, :frequency, :monetary, :weights)
        """),
        {
            name: list(getattr(model, name))
            for name in ("recency", "frequency", "monetary", "weights")
        },
    )
    connection.execute(text("select activate_lead_score_model(max(id)) from lead_score_models"))
    unsettle(connection)
    rows = connection.execute(
        text("""
            select customer_id::text, expected_lead_score as lead_score,
                expected_rfm_recency as rfm_recency, expected_rfm_frequency as rfm_frequency,
                expected_rfm_monetary as rfm_monetary
            from lead_score_drift(:as_of)
        """),
        {"as_of": NOW},
    ).mappings()
    by_sql = {row["customer_id"]: tuple(row[name] for name in SCORES) for row in rows}
    summary = rfm.summarize_orders(
        orders_of(connection),
        as_of=NOW,
        customers=pl.DataFrame({"customer_id": [str(key) for key in CUSTOMERS]}),
    )
    scored = rfm.score_frame(summary, model).select("customer_id", *SCORES)
    by_polars = {
        row["customer_id"]: tuple(row[name] for name in SCORES) for row in scored.rows(named=True)
    }
    connection.rollback()
    assert by_sql == by_polars


@given(rows=orders_at)
def test_fit_finds_the_same_model_in_sql_and_in_polars(connection, rows):
    refill(connection, rows)
    summary = rfm.summarize_orders(orders_of(connection), as_of=NOW)
    if summary.filter(pl.col("frequency") > 0).is_empty():
        with pytest.raises(rfm.EmptyFit):
            rfm.fit(summary)
        with pytest.raises(Exception, match="nothing to fit"):
            connection.execute(text("select fit_lead_score_model(:as_of)"), {"as_of": NOW})
    else:
        connection.execute(text("select fit_lead_score_model(:as_of)"), {"as_of": NOW})
        assert read_active_model(connection)[0] == rfm.fit(summary)
    connection.rollback()


@pytest.mark.parametrize("days", [30, 60, 90, 180])
def test_each_recency_threshold_falls_to_the_microsecond(connection, days):
    def recency(age):
        refill(connection, [(CUSTOMERS[0], NOW - age, 100, "paid")])
        unsettle(connection)
        return connection.scalar(
            text(
                "select expected_rfm_recency from lead_score_drift(:now) where customer_id = :key"
            ),
            {"now": NOW, "key": CUSTOMERS[0]},
        )

    day_after = (days + 1) * DAY
    assert recency(day_after) == recency(day_after - timedelta(microseconds=1)) - 1


def test_ten_thousand_customers_scored_in_one_statement_agree(rfm_engine):
    # their orders lie at each threshold, a microsecond apart, so the clock passes over them meanwhile
    with rfm_engine.begin() as connection:
        run_script(
            connection,
            """
            insert into customers (email) select n::text from generate_series(1, 10000) as n;
            insert into orders (customer_id, total_cents, created_at)
            select
                id,
                (array[4999, 5000, 20000, 49999, 100000])[1 + email::int % 5],
                clock_timestamp() - (array[31, 61, 91, 181])[1 + email::int % 4] * interval '24 hours'
                + email::int * interval '30 microseconds'
            from customers;
            """,
        )
    with rfm_engine.connect() as connection:
        assert_agreement(connection)
    assert db.score_differences(rfm_engine).is_empty()
