"""One table of cases, every engine: Polars, the triggers, and lead_score_drift()."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import polars as pl
import pytest
from sqlalchemy import text

import rfm
from rfm.db import activate
from rfm.db.proof import SCORES

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GRACE = timedelta(minutes=5)


def by_polars(_, orders, model):
    now = datetime.now(UTC)
    frame = pl.DataFrame(
        [
            ("ada", now - age, cents and Decimal(cents).scaleb(-2), status)
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
    customers = pl.DataFrame({"customer_id": ["ada"]})
    summary = rfm.summarize_orders(frame, as_of=now, customers=customers)
    return rfm.score_frame(summary, model).select(SCORES).row(0)


def by_trigger(engine, orders, model):
    activate(engine, model)
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


@pytest.fixture(params=[by_polars, by_trigger, by_drift], ids=["polars", "trigger", "drift"])
def score(request, rfm_engine):
    """Score one customer's orders (age, cents, status): lead score, recency, frequency, monetary."""
    return lambda orders, model=rfm.PUBLISHED: request.param(rfm_engine, orders, model)


def days(number):
    return timedelta(days=number) + HOUR


def one(age=HOUR, cents=100, status="paid"):
    return [(age, cents, status)]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 5), (30, 5), (31, 4), (60, 4), (61, 3), (90, 3), (91, 2), (180, 2), (181, 1), (9999, 1)],
)
def test_recency(score, number, expected):
    assert score(one(age=days(number)))[1] == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 1), (1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (11, 5)],
)
def test_frequency(score, number, expected):
    assert score(one() * number)[2] == expected


@pytest.mark.parametrize(
    ("cents", "expected"),
    [
        (None, 1), (-1, 1), (0, 1), (4999, 1), (5000, 2), (19999, 2), (20000, 3), (49999, 3),
        (50000, 4), (99999, 4), (100000, 5), (2**63 - 1, 5), (-(2**63), 1),
    ],
)  # fmt: skip
def test_monetary(score, cents, expected):
    assert score(one(cents=cents))[3] == expected


@pytest.mark.parametrize(
    "status", ["cancelled", "Canceled", "REFUNDED", "failed", "FAILED", "Void"]
)
def test_an_order_that_came_to_nothing_does_not_count(score, status):
    assert score(one(status=status)) == (6, 1, 1, 1)


@pytest.mark.parametrize("status", [None, "", "paid", "pending", "voided", " void", "cancelled "])
def test_every_other_status_counts(score, status):
    assert score(one(status=status)) == (3 * 5 + 2 * 2 + 1, 5, 2, 1)


def test_nobody_without_an_order_earns_a_point_whatever_the_thresholds(score):
    generous = rfm.Model(recency=[9999] * 4, frequency=[0] * 4, monetary=[-1] * 4)
    assert score([], generous) == (6, 1, 1, 1)


def test_negative_spend_earns_no_point_whatever_the_thresholds(score):
    generous = rfm.Model(monetary=[-1000] * 4)
    assert score(one(cents=-500), generous)[3] == 1
    assert score(one(cents=0), generous)[3] == 5


def test_equal_thresholds_are_met_together(score):
    model = rfm.Model(recency=(30, 30, 30, 7), frequency=(2, 2, 3, 3), monetary=(1, 1, 1, 1))
    assert score(one(age=days(20)) * 2, model)[1:] == (4, 3, 5)


def test_a_short_list_puts_the_highest_scores_out_of_reach(score):
    assert score(one() * 50, rfm.Model(recency=(30, 7), frequency=(1,), monetary=()))[1:] == (
        3,
        2,
        1,
    )


@pytest.mark.parametrize("weights", [(3, 2, 1), (1, 1, 4), (2, 2, 2)])
def test_the_lead_score_is_the_weighted_sum(score, weights):
    lead, r, f, m = score(one(cents=50000) * 3, rfm.Model(weights=weights))
    assert (r, f, m) == (5, 3, 5)
    assert lead == weights[0] * r + weights[1] * f + weights[2] * m


def test_amounts_add_up_to_the_cent(score):
    assert score([(HOUR, 2499, "paid"), (HOUR, 2500, None)])[3] == 1
    assert score([(HOUR, 2500, "paid"), (HOUR, 2500, None)])[3] == 2


def test_a_future_order_does_not_count_yet(score):
    assert score(one(age=-GRACE - MINUTE)) == (6, 1, 1, 1)


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
        for which in ("email like 'ada%%'", "true"):  # one customer, and several
            connection.exec_driver_sql(
                f"insert into orders (customer_id) select id from customers where {which}"
            )
        unchanged = connection.exec_driver_sql(
            "select count(*) from customers where rfm_frequency > 1 and updated_at = '2020-01-01'"
        )
        assert unchanged.scalar() == 2
