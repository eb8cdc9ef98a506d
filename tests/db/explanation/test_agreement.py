"""SQL and the core explain alike, and the scores do what an explanation says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import rfm
from rfm.db.models.stored import read_active_model
from rfm.explanation.structure import Explanation
from rfm.testing import cents, instants, models, statuses, temporary_database
from tests.proof.agreement import CUSTOMERS, FOREVER, NOW, keys, orders_of

MICROSECOND = timedelta(microseconds=1)
on_a_server = settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
order_rows = st.lists(
    st.tuples(keys, instants(NOW) | FOREVER | st.none(), cents() | st.none(), statuses()),
    max_size=40,
)
of_the_database = {"not_scored", "queued", "stored_score", "time", "hidden_orders"}


@pytest.fixture(scope="module")
def connection(rfm_template):
    with temporary_database(rfm_template) as engine, engine.connect() as connection:
        yield connection


def refill(connection, rows, model):
    connection.rollback()
    connection.execute(
        text(
            "insert into lead_score_models (recency, frequency, monetary, weights)"
            " values (:recency, :frequency, :monetary, :weights)"
        ),
        {
            name: list(getattr(model, name))
            for name in ("recency", "frequency", "monetary", "weights")
        },
    )
    connection.execute(text("select activate_lead_score_model(max(id)) from lead_score_models"))
    connection.execute(
        text("insert into customers (id) select unnest(cast(:ids as uuid[]))"), {"ids": CUSTOMERS}
    )
    if rows:
        connection.execute(
            text(
                "insert into orders (customer_id, created_at, total_cents, status)"
                " values (:key, cast(:at as timestamptz), :cents, :status)"
            ),
            [dict(zip(("key", "at", "cents", "status"), row, strict=True)) for row in rows],
        )


def explained(connection):
    rows = connection.execute(
        text("select explain_lead_score(id) from customers order by id")
    ).scalars()
    return list(map(Explanation.from_dict, rows))


def explained_by_core(connection, model):
    orders = orders_of(connection)
    customers = pl.DataFrame(
        [
            (str(key), at)
            for key, at in connection.execute(text("select id, last_scored_at from customers"))
        ],
        schema={"customer_id": pl.String, "last_scored_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    as_of = pl.col("last_scored_at")
    summary = rfm.summarize_orders(orders, as_of=as_of, customers=customers).join(
        customers, on="customer_id"
    )
    return rfm.explain(
        summary.sort("customer_id"),
        model,
        as_of=as_of,
        segment_map=db_map(connection),
        orders=orders,
    )


def db_map(connection):
    [(number,)] = connection.execute(text("select map_id from lead_score_active_segment_map"))
    return {1: rfm.GRID_PUBLISHED, 2: rfm.GRID}[number]


def comparable(one):
    found = one.to_dict()
    notes = [note for note in found["notes"] if note["kind"] not in of_the_database]
    return {**found, "model": None, "segment_map": None, "notes": notes}


@given(rows=order_rows, model=models())
@on_a_server
def test_sql_and_the_core_explain_alike(connection, rows, model):
    refill(connection, rows, model)
    by_sql = [comparable(one) for one in explained(connection)]
    by_core = [comparable(one) for one in explained_by_core(connection, model)]
    assert by_sql == by_core


@given(rows=order_rows, model=models())
@on_a_server
def test_the_points_sum_to_the_stored_score(connection, rows, model):
    refill(connection, rows, model)
    scores = connection.execute(text("select id::text, lead_score from customers"))
    stored = {key: score for key, score in scores}  # noqa: C416 - rows are no pairs to mypy
    for one in explained(connection):
        numbers = (one.numbers.recency, one.numbers.frequency, one.numbers.monetary)
        assert sum(number.points for number in numbers) == one.lead_score == stored[one.customer_id]


def score_after(connection, key, orders, spend):
    """Insert so many orders, the first with all the spend, and return the score; undo it."""
    with connection.begin_nested() as undo:
        for number in range(orders):
            connection.execute(
                text("insert into orders (customer_id, total_cents) values (:key, :cents)"),
                {"key": key, "cents": int(spend * 100) if number == 0 else 0},
            )
        score = connection.scalar(
            text("select lead_score from customers where id = :key"), {"key": key}
        )
        undo.rollback()
    return score


CENT = Decimal("0.01")


@given(rows=order_rows, model=models())
@on_a_server
def test_the_orders_of_a_raise_give_its_score_and_nothing_less_does(connection, rows, model):
    refill(connection, rows, model)
    for one in explained(connection)[:3]:
        assert [(r.orders, r.spend) for r in one.raises] == sorted(
            (r.orders, r.spend) for r in one.raises
        )
        assert len(one.raises) <= 4
        for raised in one.raises:
            if raised.spend >= 10**16 or raised.orders > 25:
                continue  # no column of cents holds it
            key = one.customer_id
            assert score_after(connection, key, raised.orders, raised.spend) == raised.lead_score
            assert score_after(connection, key, raised.orders - 1, raised.spend) < raised.lead_score
            if raised.spend:
                less = raised.spend - CENT
                assert score_after(connection, key, raised.orders, less) < raised.lead_score


def score_at(connection, key, at):
    orders = orders_of(connection)
    customers = pl.DataFrame({"customer_id": [key]})
    summary = rfm.summarize_orders(orders, as_of=at, customers=customers)
    model = read_active_model(connection)[0]
    return rfm.score_frame(summary, model)["lead_score"].item()


@given(rows=order_rows, model=models())
@on_a_server
def test_the_score_falls_at_each_fall_and_not_a_microsecond_before(connection, rows, model):
    refill(connection, rows, model)
    for one in explained(connection):
        before = one.lead_score
        for fall in one.falls:
            assert score_at(connection, one.customer_id, fall.at - MICROSECOND) == before
            assert score_at(connection, one.customer_id, fall.at) == fall.lead_score < before
            before = fall.lead_score
        if not any(note.kind == "after_as_of" for note in one.notes):
            never = datetime(9999, 12, 31, tzinfo=UTC)
            assert score_at(connection, one.customer_id, never) == before
