"""A scored CRM with the history on: a copy for each test."""

import pytest

from rfm import db
from rfm.testing import temporary_database
from tests.support import run


@pytest.fixture(scope="session")
def recorded_template(rfm_template):
    """Name a database with five scored customers and their history, to be copied."""
    with temporary_database(rfm_template) as engine:
        run(
            engine,
            """
            insert into customers (id, email)
            select ('00000000-0000-4000-8000-00000000000' || n)::uuid, n || '@example.com'
            from generate_series(1, 5) as n;
            insert into orders (customer_id, total_cents, created_at)
            select id, 6000, now() - interval '40 days' from customers;
            update lead_score_active_model set activated_at = now() - interval '1 year';
            """,
        )
        db.enable_history(engine)
        yield engine.url.database


@pytest.fixture
def recorded(recorded_template):
    with temporary_database(recorded_template) as engine:
        yield engine
