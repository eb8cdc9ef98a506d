"""What the proof itself is made of: it has to be able to fail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

import rfm
from rfm import db
from rfm.db import sql
from rfm.testing import assert_scores_match
from tests.support import run, session


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        """
            insert into customers (email) values ('ada@example.com'), ('bob@example.com');
            insert into orders (customer_id, status, total_cents, currency, event_name)
            select id, 'paid', 7000, 'EUR', 'fair' from customers;
            insert into messages (customer_id, channel, direction, subject)
            select id, 'email', 'inbound', 'hello' from customers where email = 'ada@example.com';
            insert into deals (customer_id, title, stage, value_cents, closed_at)
            select id, 'Subscription', 'won', 500, '2026-01-01 12:00+00' from customers, generate_series(1, 2)
            where email = 'ada@example.com';
            refresh materialized view customer_activity_timeline;
            """,
    )
    return rfm_engine


@pytest.mark.parametrize("column", ["lead_score", "rfm_recency", "rfm_frequency", "rfm_monetary"])
@pytest.mark.parametrize("value", ["4", "null"])
def test_one_wrong_score_of_one_customer_is_found_by_both_proofs(crm, column, value):
    assert_scores_match(crm)
    run(
        crm,
        "alter table customers disable trigger user;"
        f"update customers set {column} = {value} where email = 'bob@example.com'",
    )
    with pytest.raises(AssertionError, match="1 stored score"):
        assert_scores_match(crm)
    assert db.score_differences(crm).height == 1
    assert len(run(crm, "select * from lead_score_drift()")) == 1


BAD_MODELS = {
    "recency ascends at first": ("{30,60}", "{}", "{}", "{3,2,1}"),
    "recency ascends in the middle": ("{90,30,60}", "{}", "{}", "{3,2,1}"),
    "recency ascends at last": ("{90,60,30,31}", "{}", "{}", "{3,2,1}"),
    "recency below 0": ("{30,-1}", "{}", "{}", "{3,2,1}"),
    "a null recency": ("{30,null}", "{}", "{}", "{3,2,1}"),
    "five recencies": ("{5,4,3,2,1}", "{}", "{}", "{3,2,1}"),
    "another lower bound": ("[0:1]={30,20}", "{}", "{}", "{3,2,1}"),
    "frequency descends at first": ("{}", "{2,1}", "{}", "{3,2,1}"),
    "frequency descends in the middle": ("{}", "{1,3,2}", "{}", "{3,2,1}"),
    "frequency descends at last": ("{}", "{1,2,3,2}", "{}", "{3,2,1}"),
    "frequency below 0": ("{}", "{-1}", "{}", "{3,2,1}"),
    "a null frequency": ("{}", "{null}", "{}", "{3,2,1}"),
    "five frequencies": ("{}", "{1,2,3,4,5}", "{}", "{3,2,1}"),
    "monetary descends at first": ("{}", "{}", "{2,1}", "{3,2,1}"),
    "monetary descends in the middle": ("{}", "{}", "{1,3,2}", "{3,2,1}"),
    "monetary descends at last": ("{}", "{}", "{1,2,3,2}", "{3,2,1}"),
    "monetary is no number": ("{}", "{}", "{NaN}", "{3,2,1}"),
    "monetary is infinite": ("{}", "{}", "{Infinity}", "{3,2,1}"),
    "monetary is minus infinite": ("{}", "{}", "{-Infinity}", "{3,2,1}"),
    "a null monetary": ("{}", "{}", "{null}", "{3,2,1}"),
    "five monetaries": ("{}", "{}", "{1,2,3,4,5}", "{3,2,1}"),
    "two weights": ("{}", "{}", "{}", "{3,3}"),
    "a weight of 0": ("{}", "{}", "{}", "{6,0,0}"),
    "a negative weight": ("{}", "{}", "{}", "{6,1,-1}"),
    "weights that sum to 7": ("{}", "{}", "{}", "{3,2,2}"),
    "a null weight": ("{}", "{}", "{}", "{3,3,null}"),
}


@pytest.mark.parametrize("model", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_model_that_breaks_a_rule_is_not_stored(crm, model):
    with crm.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(
            text("""
                insert into lead_score_models (recency, frequency, monetary, weights)
                values (cast(:r as integer[]), cast(:f as bigint[]), cast(:m as numeric[]), cast(:w as integer[]))
            """),
            dict(zip("rfmw", model, strict=True)),
        )


def test_only_a_stored_model_can_be_activated(crm):
    with crm.begin() as connection, pytest.raises(DBAPIError, match="no lead score model 99"):
        connection.execute(text("select activate_lead_score_model(99)"))


def test_the_summary_counts_each_type_of_activity(crm):
    assert run(
        crm,
        """
        select c.email, s.total_activities, s.order_count, s.message_count, s.deal_count
        from customer_activity_summary s inner join customers c on c.id = s.customer_id order by 1
        """,
    ) == [("ada@example.com", 4, 1, 1, 2), ("bob@example.com", 1, 1, 0, 0)]


def test_a_hot_lead_has_24_points(rfm_engine):
    """Three orders of today: 15 + 6, and 3 for 210.00 or 2 for 180.00."""
    run(
        rfm_engine,
        "insert into customers (email) values ('7000'), ('6000');"
        "insert into orders (customer_id, total_cents)"
        " select id, email::bigint from customers cross join generate_series(1, 3)",
    )
    assert run(rfm_engine, "select lead_score from customers order by 1") == [(23,), (24,)]
    assert run(rfm_engine, "select email, lead_score from hot_leads") == [("7000", 24)]


def test_the_timeline_tells_what_happened(crm):
    found = run(
        crm,
        """
        select distinct a.activity_type, a.metadata from customer_activity_timeline a
        inner join customers c on c.id = a.customer_id where c.email = 'ada@example.com'
        order by 1
        """,
    )
    assert found == [
        (
            "deal",
            {
                "title": "Subscription",
                "stage": "won",
                "value_cents": 500,
                "closed_at": "2026-01-01T12:00:00+00:00",
            },
        ),
        ("message", {"channel": "email", "direction": "inbound", "subject": "hello"}),
        ("order", {"status": "paid", "total_cents": 7000, "currency": "EUR", "event_name": "fair"}),
    ]


def test_a_refresh_does_not_wait_for_a_reader_and_no_reader_waits_for_it(crm):
    with session(crm) as reader, session(crm) as refresher:
        reader.execute("select count(*) from customer_activity_timeline")
        refresher.execute("set lock_timeout = '1s'; select refresh_customer_activity_timeline()")
        reader.execute("set lock_timeout = '1s'; select count(*) from customer_activity_timeline")


def test_a_fresh_database_starts_on_the_published_thresholds(rfm_engine):
    assert db.active_model(rfm_engine) == rfm.PUBLISHED


def fit_in_database(engine, as_of=None):
    with engine.begin() as connection:
        sql.run(connection, "internal/models/fit_in_database", as_of=as_of or datetime.now(UTC))
    return db.active_model(engine)


def test_five_customers_are_a_quintile_each(rfm_engine):
    """The n-th has n orders of n.00, and came 10 * n days ago."""
    run(
        rfm_engine,
        "insert into customers (email) select n::text from generate_series(1, 5) as n;"
        "insert into orders (customer_id, total_cents, created_at)"
        " select id, 100 * email::int, now() - email::int * interval '10 days'"
        " from customers cross join lateral generate_series(1, email::int)",
    )
    assert fit_in_database(rfm_engine) == rfm.Model(
        recency=(40, 30, 20, 10), frequency=(2, 3, 4, 5), monetary=(4, 9, 16, 25)
    )


def test_fitting_at_an_instant_counts_the_orders_up_to_it(crm):
    run(
        crm,
        "insert into orders (customer_id, total_cents, created_at)"
        " select id, 100, now() - interval '90 days' from customers, generate_series(1, 3)"
        " where email = 'ada@example.com';"
        "insert into orders (customer_id, total_cents, created_at)"
        " select id, 900, now() - interval '99 days' from customers where email = 'bob@example.com'",
    )
    past = fit_in_database(crm, datetime.now(UTC) - timedelta(days=50))
    assert (past.recency[0], past.frequency[0]) == (40, 3)
    assert fit_in_database(crm).recency == ()


def test_rescoring_waits_for_the_writers_of_the_model_before(crm):
    with session(crm) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("insert into customers (email) values ('new@example.com')")
        rescoring = pool.submit(db.backfill, crm)
        with pytest.raises(TimeoutError):
            rescoring.result(timeout=0.5)
        writer.commit()
        assert rescoring.result(timeout=10).looked_at == 3


def test_more_than_a_page_of_customers_is_rescored_to_the_last(rfm_engine):
    run(
        rfm_engine,
        """
            insert into customers (email) select n::text from generate_series(1, 2500) as n;
            alter table customers disable trigger user;
            update customers set lead_score = 0, last_scored_at = null;
            alter table customers enable trigger user;
            """,
    )
    assert db.backfill(rfm_engine).rescored == 2500
    assert run(rfm_engine, "select count(*) from customers where lead_score = 6") == [(2500,)]
