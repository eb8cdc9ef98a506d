"""score_differences reads a range at a time: at one instant each, and holds nothing meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

import rfm
from rfm import db
from rfm.db import proof
from rfm.db.reads.reader import open_reader
from rfm.db.reads.totals import every_range, key_ranges
from tests.support import past_triggers, run, session

FILL = """
insert into customers (email) select n::text from generate_series(1, 60) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 2500 * k, now() - (7 * c.email::int + k) * interval '1 day'
from customers c cross join generate_series(1, 4) as k
"""


@pytest.fixture
def crm(rfm_engine, monkeypatch):
    monkeypatch.setattr(proof, "RANGE_SIZE", 7)
    run(rfm_engine, FILL)
    return rfm_engine


def test_a_difference_is_found_in_every_range(crm):
    past_triggers(crm, "update customers set lead_score = lead_score + 1")
    found = db.score_differences(crm)
    assert found.height == 60
    assert (found["lead_score"] == found["expected_lead_score"] + 1).all()


def test_a_database_without_customers_has_no_difference(rfm_engine):
    found = db.score_differences(rfm_engine)
    assert found.height == 0
    assert found.columns[:2] == ["customer_id", "last_scored_at"]


def test_a_range_has_fewer_customers_where_they_have_many_orders(crm, monkeypatch):
    monkeypatch.setattr(proof, "RANGE_SIZE", 100_000)
    monkeypatch.setattr(proof, "ORDERS_AT_ONCE", 40)
    run(crm, "analyze")
    with crm.connect() as connection:
        assert 8 <= proof._range_size(connection) <= 12


def test_live_orders_and_a_change_of_model_are_no_differences(crm):
    over = threading.Event()

    def sell():
        with session(crm, autocommit=True) as connection:
            while not over.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 40000 from customers order by random() limit 9"
                )

    with ThreadPoolExecutor(1) as pool:
        sales = pool.submit(sell)
        try:
            assert [db.score_differences(crm).height for _ in range(5)] == [0] * 5
        finally:
            over.set()
        sales.result()


def test_a_range_is_compared_with_the_model_that_was_active_when_it_was_read(crm):
    other = db.store_model(crm, rfm.Model(weights=(1, 1, 4)))
    with crm.connect() as connection, open_reader(connection) as reader:
        [keys] = key_ranges(connection)
        before, _ = proof._read(reader, keys)
        db.activate(crm, other, allow_dead_segments=True)
        after, _ = proof._read(reader, keys)
    assert (set(before["model"]), set(after["model"])) == ({1}, {other})


def test_no_transaction_waits_while_polars_computes(crm, monkeypatch):
    run(crm, f"alter database {crm.url.database} set idle_in_transaction_session_timeout = '300ms'")

    def slow(stored, orders, model, compare=proof._compare):
        time.sleep(0.5)
        return compare(stored, orders, model)

    monkeypatch.setattr(proof, "ORDERS_AT_ONCE", 100)
    monkeypatch.setattr(proof, "_compare", slow)
    assert db.score_differences(crm).height == 0
    with every_range(crm, datetime.now(UTC), size=20) as portions:
        for portion in portions:
            assert portion.height == 20
            time.sleep(0.5)
