"""`rfm.db.explain` and SQL on a database of one's own: the notes, who may see whom, one's own tables."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

import rfm
from rfm import db
from rfm.errors import UnknownCustomer
from tests.db.security.roles import ADA, BOB, crm, signed_in
from tests.support import past_triggers, run, session

ANN = "00000000-0000-0000-0000-000000000001"


def prepare(engine, *orders):
    run(engine, f"insert into customers (id, email) values ('{ANN}', 'Ann@example.org')")
    for age, cents in orders:
        run(
            engine,
            "insert into orders (customer_id, created_at, total_cents)"
            f" values ('{ANN}', now() - interval '{age}', {cents})",
        )


def kinds(explanation):
    return [note.kind for note in explanation.notes]


def test_a_customer_is_found_by_id_or_by_email(rfm_engine):
    prepare(rfm_engine, ("40 days", 8000))
    assert db.find_customers(rfm_engine, "ann@EXAMPLE.org") == [ANN]
    by_text, by_uuid = db.explain(rfm_engine, ANN), db.explain(rfm_engine, UUID(ANN))
    assert by_text == by_uuid
    assert (by_text.customer_id, by_text.lead_score, by_text.category) == (ANN, 18, "Warm")
    assert (by_text.model, by_text.segment_map, by_text.notes) == (1, 1, ())


@pytest.mark.parametrize("key", [BOB, "bob", "", 7, "x' or true --", "%s"])
def test_a_customer_that_there_is_not_is_one_clear_error(rfm_engine, key):
    with pytest.raises(UnknownCustomer, match=f"there is no customer {key}, or the role may not"):
        db.explain(rfm_engine, key)


def test_a_customer_without_a_score_is_explained_for_now(rfm_engine):
    past_triggers(rfm_engine, f"insert into customers (id) values ('{ANN}')")
    found = db.explain(rfm_engine, ANN)
    assert (kinds(found), found.lead_score) == (["not_scored"], 6)
    assert abs((datetime.now(UTC) - found.as_of).total_seconds()) < 60


def test_a_customer_in_the_queue_is_told_to_wait_and_why(rfm_engine):
    prepare(rfm_engine, ("40 days", 8000))
    with session(rfm_engine) as other:
        other.execute(f"select from customers where id = '{ANN}' for no key update")
        # dated before the score, so that the score is wrong at its own instant
        run(
            rfm_engine,
            "insert into orders (customer_id, created_at, total_cents)"
            f" values ('{ANN}', now() - interval '1 day', 20000)",
        )
    found = db.explain(rfm_engine, ANN)
    queued, stored = found.notes
    assert (queued.kind, queued.sqlstate) == ("queued", "55P03")
    assert (stored.kind, stored.lead_score, found.lead_score) == ("stored_score", 18, 22)
    assert "Not up to date: the database still has 18." in rfm.sentences(found)
    run(rfm_engine, "select score_queued_customers()")
    assert kinds(db.explain(rfm_engine, ANN)) == []


def test_time_that_has_lowered_a_score_is_told(rfm_engine):
    prepare(rfm_engine, ("31 days", 8000))
    past_triggers(
        rfm_engine,
        "update orders set created_at = now() - interval '70 days';"
        "update customers set last_scored_at = now() - interval '39 days', lead_score = 18, rfm_recency = 4",
    )
    found = db.explain(rfm_engine, ANN)
    assert kinds(found) == ["time"]
    assert found.notes[0].since == found.falls[0].at < datetime.now(UTC)


def test_another_model_explains_the_score_that_it_would_give(rfm_engine):
    prepare(rfm_engine, ("40 days", 8000))
    db.activate(rfm_engine, db.store_model(rfm_engine, rfm.Model(weights=(1, 1, 4))))
    found = db.explain(rfm_engine, ANN)
    assert (found.model, found.lead_score, kinds(found)) == (2, 4 + 2 + 8, ["stored_score"])


def test_uncounted_and_later_orders_are_counted_in_notes(rfm_engine):
    prepare(rfm_engine, ("40 days", 8000), ("-9 days", 1), ("-8 days", 1))
    run(
        rfm_engine,
        "insert into orders (customer_id, status) select id, unnest('{VOID,void,Canceled}'::text[]) from customers",
    )
    found = db.explain(rfm_engine, ANN)
    assert [(note.kind, note.status, note.orders) for note in found.notes] == [
        ("uncounted_status", "canceled", 1),
        ("uncounted_status", "void", 2),
        ("after_as_of", None, 2),
    ]
    assert found.falls == ()


def test_instants_are_utc_in_any_time_zone(rfm_engine):
    prepare(rfm_engine, ("40 days", 8000))
    with session(rfm_engine) as connection:
        found = [
            connection.execute(f"set timezone = '{zone}'")
            and connection.execute("select explain_lead_score(%s)", [ANN]).fetchone()
            for zone in ("UTC", "Asia/Tokyo")
        ]
    assert found[0] == found[1]


# ---------------------------------------------------------------- who may see whom


@pytest.fixture(scope="module")
def owner():
    with crm("granted") as engine:
        db.apply(engine)
        db.backfill(engine)
        yield engine


def explained(connection, key):
    [(found,)] = connection.execute("select explain_lead_score(%s)", [key]).fetchall()
    return found


def test_a_user_explains_their_own_customer_by_the_orders_that_they_see(owner):
    with signed_in(owner) as connection:
        found = explained(connection, ADA)
    # three orders, one of them internal
    assert found["numbers"]["frequency"]["value"] == 2
    assert found["numbers"]["monetary"]["value"] == "200.00"
    assert sum(one["points"] for one in found["numbers"].values()) == found["lead_score"]
    assert {note["kind"] for note in found["notes"]} == {"hidden_orders", "stored_score"}


def test_a_hidden_customer_and_an_unknown_one_are_the_same_error(owner):
    messages = []
    for key in (BOB, ANN):
        with (
            signed_in(owner) as connection,
            pytest.raises(psycopg.errors.NoDataFound) as caught,
        ):
            explained(connection, key)
        messages.append(str(caught.value).replace(key, "KEY"))
    assert messages[0] == messages[1]


def test_the_service_explains_everybody_by_all_orders(owner):
    with signed_in(owner, "service_role") as connection:
        for key in (ADA, BOB):
            found = explained(connection, key)
            assert (found["numbers"]["frequency"]["value"], found["notes"]) == (3, [])


def test_a_visitor_explains_nobody(owner):
    with (
        signed_in(owner, "anon") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        explained(connection, ADA)


def test_a_user_sees_the_queue_of_their_own_customers_alone(owner):
    run(
        owner,
        f"insert into lead_score_queue (customer_id, sqlstate) values ('{ADA}', '55P03'), ('{BOB}', '55P03')",
    )
    with signed_in(owner) as connection:
        rows = connection.execute("select customer_id::text from lead_score_queue").fetchall()
        assert rows == [(ADA,)]
        assert "queued" in {note["kind"] for note in explained(connection, ADA)["notes"]}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select fitted_customers from lead_score_models")
    run(owner, "delete from lead_score_queue")
