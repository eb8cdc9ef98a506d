"""`rfm evaluate`, on a file and on a database."""

import json
from datetime import date

import pytest

import rfm
from rfm import db
from rfm.demo.cdnow import read_cdnow
from rfm.testing import temporary_database
from tests.support import create_base_tables, run

WORDS = ("--as-of", "1998-01-01", "--horizon", "180d")


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.parquet"
    read_cdnow(date(1998, 6, 30)).rename({"customer": "customer_id"}).write_parquet(path)
    return path


def test_a_file_is_evaluated(rfm_command, orders):
    model = orders.with_name("model.json")
    model.write_text(rfm.PUBLISHED.to_json())
    shown = rfm_command("evaluate", orders, *WORDS, "--model", "published").stdout
    assert "81.6 % (79.4 to 83.6)" in shown
    assert "The lead score is no better than raw recency alone: as of 1998-01-01" in shown
    told = json.loads(rfm_command("evaluate", orders, *WORDS, "--model", model, "--json").stdout)
    assert told["verdict"] in shown.replace("\n", " ")


def test_a_horizon_that_is_not_covered_is_one_line(rfm_command, orders):
    message = rfm_command(
        "evaluate", orders, "--as-of", "1998-01-01", "--horizon", "200d", code=2
    ).stderr
    assert message.startswith("error: 1 instant with a --horizon that ends after")
    assert "a horizon of at most 180 days would do" in message


def test_a_database_gives_what_its_orders_give(rfm_command):
    with temporary_database() as engine:
        create_base_tables(engine)
        db.apply(engine)
        run(
            engine,
            """
            insert into customers (id, email)
            select md5(n::text)::uuid, n || '@example.com' from generate_series(1, 60) as n;
            insert into orders (customer_id, status, total_cents, created_at)
            select md5(n::text)::uuid, 'paid', 100 * n, timestamptz '2025-01-01' + n * k * '2 d'::interval
            from generate_series(1, 60) as n, generate_series(1, 4) as k
            """,
        )
        words = ("evaluate", "--as-of", "2025-03-01", "--horizon", "12w", "--json")
        told = json.loads(rfm_command(*words, engine=engine).stdout)
        frame = db.evaluate(engine, as_of=date(2025, 3, 1), horizon="12w")
    assert told == frame.to_dict()
    assert sum(row["buyers"] for row in told["outcomes"]) > 5
