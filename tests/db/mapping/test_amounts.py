"""Amounts of a mapped column that no sum could hold: they fail nothing, and everything agrees."""

import pytest

from rfm import db
from rfm.testing import assert_scores_match, temporary_database
from tests.support import run

TABLES = """
    create schema shop;
    create table shop.people (id bigint primary key);
    create table shop.sales (buyer bigint, sold_at timestamptz default now(), total numeric);
"""
TOML = """
    [customers]
    table = "shop.people"
    key = "id"
    key_type = "bigint"
    [orders]
    select = "select buyer as customer_id, sold_at as ordered_at, total as amount from shop.sales"
    tables = [{ table = "shop.sales", customer = "buyer", ordered_at = "sold_at" }]
    [[timeline]]
    type = "sale"
    select = '''
    select buyer as customer_id, sold_at as created_at, 1 as activity_id, null::jsonb as metadata from shop.sales
    '''
"""


@pytest.fixture(scope="module")
def template():
    with temporary_database() as engine:
        run(engine, TABLES)
        run(engine, "insert into shop.people select generate_series(1, 5)")
        run(engine, "insert into shop.sales (buyer, total) select id, 60.25 from shop.people")
        db.apply(engine, db.Mapping.parse(TOML))
        db.backfill(engine)
        yield engine.url.database


@pytest.fixture
def shop(template):
    with temporary_database(template) as engine:
        yield engine


SPENT = [
    ("1e39", 60.25),
    ("1e18", 60.25),
    ("-1e18", 60.25),
    ("1e131071", 60.25),
    ("NaN", 60.25),
    ("Infinity", 60.25),
    ("1e-16383", 60.25),
    ("1e-40", 60.25),
    ("0.12345678905", 60.3734567891),
    ("999999999999999999.99", "1000000000000000060.24"),
]


@pytest.mark.parametrize(("amount", "spent"), SPENT)
def test_an_order_of_any_amount_ends_nothing_and_is_added_up_alike_everywhere(shop, amount, spent):
    run(shop, f"insert into shop.sales (buyer, total) values (1, '{amount}')")
    assert run(
        shop, "select sum(amount)::text::numeric from lead_score_orders where customer_id = 1"
    ) == run(shop, f"select '{spent}'::numeric")
    assert run(shop, "select * from lead_score_queue") == []
    assert run(shop, "select * from lead_score_drift()") == []
    assert db.score_differences(shop).is_empty()
    fitted = db.fit(shop, min_customers=1)
    db.simulate(shop, fitted.model)
    db.activate(shop, db.store_model(shop, fitted), allow_dead_segments=True)
    assert db.backfill(shop).finished
    run(shop, "select fit_lead_score_model()")
    assert db.active_model(shop) == fitted.model
    assert db.backfill(shop).finished
    assert_scores_match(shop)


def test_an_amount_keeps_the_decimals_that_it_has(shop):
    assert run(shop, "select distinct amount::text from lead_score_orders") == [("60.25",)]
