"""One table of cases, every engine: Polars, the triggers, lead_score_drift(), and the warehouse's."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from uuid import uuid4

import polars as pl
import pytest
from sqlalchemy import text

import rfm
from rfm.db import activate, store_model
from rfm.stored import SCORES
from tests.proof.cases import CASES, one
from tests.warehouse.engines import SPARK


def order_frame(customer, now, orders):
    return pl.DataFrame(
        [
            (customer, now - age, cents and Decimal(cents).scaleb(-2), status)
            for age, cents, status in orders
        ],
        schema={
            "customer_id": pl.String,
            "ordered_at": pl.Datetime("us", "UTC"),
            "amount": pl.Decimal(38, 2),
            "status": pl.String,
        },
        orient="row",
    )


def by_polars(orders, model):
    now = datetime.now(UTC)
    customers = pl.DataFrame({"customer_id": ["ada"]})
    summary = rfm.summarize_orders(order_frame("ada", now, orders), as_of=now, customers=customers)
    return rfm.score_frame(summary, model).select(SCORES).row(0)


def by_trigger(engine, orders, model):
    activate(engine, store_model(engine, model), allow_dead_segments=True)
    key = uuid4()
    with engine.begin() as connection:
        connection.execute(text("insert into customers (id) values (:key)"), {"key": key})
        for age, cents, status in orders:
            connection.execute(
                text("""
                    insert into orders (customer_id, created_at, total_cents, status)
                    values (:key, clock_timestamp() - cast(:age as interval), :cents, :status)
                """),
                {"key": key, "age": age, "cents": cents, "status": status},
            )
        return tuple(
            connection.execute(
                text(f"select {', '.join(SCORES)} from customers where id = :key"), {"key": key}
            ).one()
        )


def by_drift(engine, orders, model):
    by_trigger(engine, orders, model)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table customers disable trigger user")
        connection.exec_driver_sql("update customers set lead_score = -1")
        row = connection.execute(
            text(
                f"select {', '.join(f'expected_{name}' for name in SCORES)} from lead_score_drift()"
            )
        ).one()
        connection.exec_driver_sql("delete from customers")
        connection.exec_driver_sql("alter table customers enable trigger user")
        return tuple(row)


def by_warehouse(name):
    """Score all cases of an engine at once: a query of its own for each would take minutes."""

    def score(request, case):
        return request.getfixturevalue("warehouse_scores")(name)[case.fact]

    return score


def alone(score):
    return lambda request, case: score(
        request.getfixturevalue("rfm_engine"), case.orders, case.model
    )


@pytest.fixture(scope="session")
def warehouse_scores(engines):
    return cache(lambda name: scores_of_all(engines(name)))


def scores_of_all(engine):
    from rfm import warehouse  # noqa: PLC0415 - Ibis takes a second to load

    as_of = datetime(2026, 11, 1, tzinfo=UTC)
    # a customer without any order is in no table of orders: give them one that does not count
    frame = pl.concat(
        order_frame(case.fact, as_of, case.orders or one(status="void")) for case in CASES
    )
    summary = warehouse.summarize_orders(engine.load(frame), as_of=as_of).cache()
    scored = []
    for model in {case.model for case in CASES}:
        facts = [case.fact for case in CASES if case.model == model]
        chosen = summary.filter(summary.customer_id.isin(facts))
        scored.append(warehouse.score_summary(chosen, model).select("customer_id", *SCORES))
    rows = scored[0].union(*scored[1:]).to_polars().rows()
    return {fact: scores for fact, *scores in rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fact)
@pytest.mark.parametrize(
    "score",
    [
        pytest.param(lambda _, case: by_polars(case.orders, case.model), id="polars"),
        pytest.param(alone(by_trigger), id="trigger"),
        pytest.param(alone(by_drift), id="drift"),
        pytest.param(by_warehouse("duckdb"), id="duckdb"),
        pytest.param(by_warehouse("postgres"), id="postgres"),
        pytest.param(by_warehouse("spark"), id="spark", marks=SPARK),
    ],
)
def test_every_engine_scores_every_case_alike(request, score, case):
    assert tuple(score(request, case)) == case.expected


@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_an_infinite_time_fails_no_write_and_earns_no_recency(rfm_engine, moment):
    with rfm_engine.begin() as connection:
        connection.exec_driver_sql("insert into customers (email) values ('ada@example.com')")
        connection.execute(
            text("insert into orders (customer_id, created_at) select id, :at from customers"),
            {"at": moment},
        )
        row = connection.exec_driver_sql("select rfm_recency, rfm_frequency from customers").one()
    assert tuple(row) == (1, 1 if moment == "infinity" else 2)


def test_an_order_of_a_fast_clock_counts_at_once_and_is_the_scores_instant(rfm_engine):
    with rfm_engine.begin() as connection:
        connection.exec_driver_sql("insert into customers (email) values ('ada@example.com')")
        connection.exec_driver_sql("""
            insert into orders (customer_id, created_at)
            select id, clock_timestamp() + interval '4 minutes' from customers
        """)
        row = connection.exec_driver_sql("""
            select c.rfm_frequency, c.last_scored_at = o.created_at from customers c cross join orders o
        """).one()
        assert connection.exec_driver_sql("select * from lead_score_drift()").all() == []
    assert tuple(row) == (2, True)


def test_scoring_leaves_the_customers_updated_at_alone(rfm_engine):
    with rfm_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into customers (email, updated_at) values"
            " ('ada@example.com', '2020-01-01'), ('bob@example.com', '2020-01-01')"
        )
        for which in ("email = 'ada@example.com'", "true"):  # one customer, and several
            connection.exec_driver_sql(
                f"insert into orders (customer_id) select id from customers where {which}"
            )
        unchanged = connection.exec_driver_sql(
            "select count(*) from customers where rfm_frequency > 1 and updated_at = '2020-01-01'"
        )
        assert unchanged.scalar() == 2
