"""Models over time: fitted, stored, listed, compared, activated, and never edited."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rfm
from rfm import Model, db
from rfm.db import sql
from rfm.errors import EmptyFit, TooFewCustomers, UnknownModel
from rfm.testing import models, orders
from tests.support import run

CUSTOMERS = 40
FILL = f"""
insert into customers (email) select n::text from generate_series(1, {CUSTOMERS} + 5) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 1000 * c.email::int + k, now() - (3 * c.email::int + k) * interval '1 day'
from customers c cross join generate_series(1, 8) as k
where c.email::int <= {CUSTOMERS} and k <= 1 + c.email::int % 8;
"""


@pytest.fixture
def crm(rfm_engine):
    run(rfm_engine, FILL)
    return rfm_engine


def test_fitting_reads_and_stores_nothing(crm):
    before = db.models(crm)
    fitted = db.fit(crm, min_customers=CUSTOMERS)
    assert fitted.customers == CUSTOMERS
    assert db.models(crm) == before


def test_a_fitted_model_is_the_one_that_the_database_fits(crm):
    as_of = datetime.now(UTC)
    fitted = db.fit(crm, as_of, min_customers=1)
    with crm.begin() as connection:
        sql.run(connection, "internal/models/fit_in_database", as_of=as_of)
    assert db.active_model(crm) == fitted.model


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_database_and_library_fit_the_same_model_on_any_orders(rfm_engine, data):
    as_of = datetime(2026, 1, 1, tzinfo=UTC)  # stands still, as Hypothesis asks
    frame = data.draw(orders(as_of))
    run(rfm_engine, "truncate customers, orders, messages, deals")
    run(rfm_engine, "insert into customers (email) select unnest('{a,b,c,d,e,f}'::text[])")
    with rfm_engine.begin() as connection:
        connection.connection.cursor().executemany(
            "insert into orders (customer_id, status, total_cents, created_at)"
            " select id, %s, %s, %s from customers where email = %s",
            [
                (row["status"], row["amount"] and int(row["amount"] * 100), row["ordered_at"], row["customer_id"])
                for row in frame.rows(named=True)
            ],
        )  # fmt: skip
    try:
        expected = rfm.fit(rfm.summarize_orders(frame, as_of=as_of))
    except EmptyFit:
        with pytest.raises(EmptyFit):
            db.fit(rfm_engine, as_of, min_customers=0)
    else:
        assert db.fit(rfm_engine, as_of, min_customers=1).model == expected


def test_only_orders_up_to_the_instant_are_fitted_on(crm):
    past = datetime.now(UTC) - timedelta(days=30)
    assert db.fit(crm, past, min_customers=1).customers < CUSTOMERS


def test_a_naive_instant_is_utc(crm):
    past = datetime.now(UTC) - timedelta(days=30)
    fitted = db.fit(crm, past.replace(tzinfo=None), min_customers=1)
    assert fitted == db.fit(crm, past, min_customers=1)


def test_too_few_customers_are_refused_and_nothing_is_stored(crm):
    with pytest.raises(
        TooFewCustomers, match=r"^40 customers have a counted order, .* 500 or more"
    ):
        db.fit(crm)
    with pytest.raises(TooFewCustomers):
        db.fit(crm, min_customers=CUSTOMERS + 1)
    assert len(db.models(crm)) == 1


def test_a_stored_model_is_listed_and_not_active_until_it_is_activated(crm):
    fitted = db.fit(crm, min_customers=1)
    number = db.store_model(crm, fitted)
    by_hand = db.store_model(crm, Model(monetary=[Decimal("0.01")]))
    first, second, third = db.models(crm)
    assert (first.number, second.number, third.number) == (1, number, by_hand)
    assert first.activated_at
    assert (second.model, second.fitted_customers, second.fitted_as_of) == (
        fitted.model, CUSTOMERS, fitted.as_of,
    )  # fmt: skip
    assert (third.model.monetary, third.fitted_customers) == ((Decimal("0.01"),), None)
    assert db.active_model(crm) == rfm.PUBLISHED
    db.activate(crm, number, allow_dead_segments=True)
    assert db.active_model(crm) == fitted.model == db.stored_model(crm, number)
    assert [bool(one.activated_at) for one in db.models(crm)] == [False, True, False]


def test_an_active_model_keeps_on_what_it_was_fitted(crm):
    number = db.store_model(crm, db.fit(crm, min_customers=1))
    db.activate(crm, number, allow_dead_segments=True)
    (active,) = [one for one in db.models(crm) if one.activated_at]
    assert (active.number, active.fitted_customers) == (number, CUSTOMERS)


def test_an_unknown_number_is_refused_with_those_that_there_are(crm):
    for call in (db.stored_model, db.activate):
        with pytest.raises(UnknownModel, match="no lead score model 99; there are 1"):
            call(crm, 99)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=models(), after=models())
def test_simulating_tells_what_activating_and_backfilling_does(rfm_engine, before, after):
    run(rfm_engine, f"truncate customers, orders, messages, deals; {FILL}")
    db.activate(rfm_engine, db.store_model(rfm_engine, before), allow_dead_segments=True)
    db.backfill(rfm_engine)
    simulated = db.simulate(rfm_engine, after)
    scores = "select email, lead_score from customers order by 1"
    was = run(rfm_engine, scores)
    db.activate(rfm_engine, db.store_model(rfm_engine, after), allow_dead_segments=True)
    done = db.backfill(rfm_engine)
    moved = simulated.unpivot(index="before", variable_name="after").filter(pl.col("value") > 0)
    assert moved["value"].sum() == CUSTOMERS + 5
    off_diagonal = moved.filter(pl.col("before") != pl.col("after"))
    assert {tuple(row[:2]): row[2] for row in off_diagonal.rows()} == {
        pair: number for pair, number in done.moves.items() if pair[0] != pair[1]
    }
    changed = sum(a != b for a, b in zip(was, run(rfm_engine, scores), strict=True))
    assert done.rescored >= changed


def test_simulating_changes_nothing_and_takes_any_two_models(crm):
    before = run(crm, "select * from customers order by id")
    same = db.simulate(crm, rfm.PUBLISHED, rfm.PUBLISHED)
    assert sum(same[one].sum() for one in same.columns[1:]) == CUSTOMERS + 5
    assert all(row[1 + place] == sum(row[1:]) for place, row in enumerate(same.rows()))
    assert run(crm, "select * from customers order by id") == before


def test_nobody_moves_where_there_is_nobody(rfm_engine):
    assert db.simulate(rfm_engine, rfm.PUBLISHED).rows() == []
