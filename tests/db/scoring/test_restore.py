"""A restore of data alone into a migrated database: the models are there, and every score is true."""

import os
import subprocess

import pytest

from rfm import db
from rfm.testing import temporary_database
from tests.support import address, assert_true_scores, program, run

CUSTOMERS = 30


def dumped(engine, *options):
    command = [program("pg_dump"), "--data-only", "--no-owner", *options, address(engine)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def restored(engine, dump):
    """Run the dump as psql does, statement by statement; return what it complained about."""
    done = subprocess.run(
        [program("psql"), "-X", "-q", "-d", address(engine)],
        input=dump.replace("SET transaction_timeout = 0;", ""),  # PostgreSQL 15 does not know it
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        text=True,
        check=False,
        capture_output=True,
    )
    return [line for line in done.stderr.splitlines() if "ERROR" in line]


@pytest.fixture
def crm(rfm_engine):
    """Open a database with three models, of which the second is active."""
    run(
        rfm_engine,
        f"""
        insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) as n;
        insert into orders (customer_id, total_cents, created_at)
        select c.id, 1000 * n, now() - n * interval '9 days'
        from customers as c cross join generate_series(1, c.email::integer) as n;
        """,
    )
    run(rfm_engine, "select fit_lead_score_model()")
    db.store_model(rfm_engine, db.fit(rfm_engine, min_customers=1))
    db.backfill(rfm_engine)
    assert_true_scores(rfm_engine)
    return rfm_engine


def state(engine):
    """Return the models, which one is active, and the scores."""
    return (
        run(engine, "select id, recency, frequency, monetary from lead_score_models order by id"),
        run(engine, "select model_id, activated_at from lead_score_active_model"),
        run(engine, "select email, lead_score from customers order by email"),
    )


def test_models_and_scores_survive_a_restore_of_data_alone(crm, rfm_template):
    dump = dumped(crm, "--schema", "public")
    with temporary_database(rfm_template) as engine:
        assert restored(engine, dump) == []
        assert_true_scores(engine)
        assert state(engine) == state(crm)
        run(engine, "select refresh_customer_activity_timeline()")
        assert [check for check in db.verify(engine) if not check.passed] == []
        db.rescore_stale(engine)
        assert_true_scores(engine)


def test_models_go_on_with_the_next_number_after_a_restore(crm, rfm_template):
    with temporary_database(rfm_template) as engine:
        restored(engine, dumped(crm, "--schema", "public"))
        assert run(engine, "select fit_lead_score_model()") == [(4,)]


def test_customers_who_wait_still_wait_after_a_restore(crm, rfm_template):
    run(
        crm,
        "insert into lead_score_queue (customer_id, sqlstate) select id, '55P03' from customers",
    )
    with temporary_database(rfm_template) as engine:
        assert restored(engine, dumped(crm, "--schema", "public")) == []
        assert run(engine, "select count(*) from lead_score_queue") >= [(CUSTOMERS,)]
        assert_true_scores(engine)


def test_a_restore_twice_changes_no_model_and_says_what_is_there_twice(crm, rfm_template):
    dump = dumped(crm, "--schema", "public")
    with temporary_database(rfm_template) as engine:
        restored(engine, dump)
        assert any("customers_pkey" in error for error in restored(engine, dump))
        assert state(engine) == state(crm)
        assert_true_scores(engine)


def test_another_model_under_the_same_number_is_an_error_that_names_it(crm, rfm_template):
    with temporary_database(rfm_template) as engine:
        run(
            engine,
            "insert into lead_score_models (recency, frequency, monetary) values ('{9}', '{9}', '{9}')",
        )
        errors = restored(engine, dumped(crm, "--schema", "public"))
        assert any("lead_score_models_pkey" in error for error in errors)


def test_the_record_of_applied_files_stays_that_of_the_new_database(crm, rfm_template):
    with temporary_database(rfm_template) as engine:
        errors = restored(engine, dumped(crm))
        assert all("applied_migrations_pkey" in error for error in errors), errors
        assert {str(one.state) for one in db.status(engine)} == {"applied", "not enabled"}
        assert state(engine) == state(crm)
