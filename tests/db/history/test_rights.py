"""Who may read and write the history: the log is the owner's, a view shows what the reader may see."""

import psycopg
import pytest

from rfm import db
from tests.db.security.roles import ADA, BOB, REGIMES, crm, signed_in
from tests.support import failed_facts, run


@pytest.fixture(scope="module", params=REGIMES)
def owner(request):
    with crm(request.param) as engine:
        db.apply(engine)
        db.enable_history(engine)
        db.backfill(engine)
        yield engine


def refused(connection, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_a_signed_in_user_sees_the_events_of_the_customers_that_he_may_see(owner):
    with signed_in(owner) as ada:
        assert ada.execute(
            "select distinct customer_id::text from lead_score_events"
        ).fetchall() == [(ADA,)]
        assert (
            ada.execute(f"select from lead_score_events where customer_id = '{BOB}'").rowcount == 0
        )
    with signed_in(owner, role="service_role") as service:
        assert service.execute("select from lead_score_events").rowcount >= 2


def test_an_order_of_a_signed_in_user_is_recorded(owner):
    count = f"select count(*) from lead_score_history where customer_id = '{ADA}'"
    [(before,)] = run(owner, count)
    with signed_in(owner) as ada:
        ada.execute("insert into orders (customer_id, total_cents) values (%s, 500000)", [ADA])
        ada.execute("update customers set full_name = 'Ada'")
    assert run(owner, count) == [(before + 1,)]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize(
    "statement",
    [
        "select from lead_score_history",
        "select from lead_score_history_events",
        "insert into lead_score_history (customer_id) values (null)",
        "update lead_score_history set cause = 'order'",
        "delete from lead_score_history",
        "delete from lead_score_consumers",
        "update lead_score_history_state set recorded_since = now()",
        f"select append_lead_score_events('{ADA}', 'order', now(), null, null, '{{1,1,1,6}}', null, null)",
        "alter table lead_score_history enable trigger notify_lead_score_events",
    ],
)
def test_nobody_but_the_owner_touches_the_log(owner, role, statement):
    with signed_in(owner, role=role) as connection:
        refused(connection, statement)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "call",
    [
        "lead_score_events_next('crm')",
        "lead_score_events_done('crm')",
        "lead_score_events_forget('crm')",
        "prune_lead_score_history(interval '1 day')",
        "lead_scores_at(now())",
        "lead_score_moves(now(), now())",
        "lead_score_trends()",
        "record_lead_score_baseline()",
    ],
)
def test_functions_that_show_every_customer_are_for_the_service_alone(owner, role, call):
    with signed_in(owner, role=role) as connection:
        refused(connection, f"select {call}")
    if "record" not in call and "prune" not in call:
        with signed_in(owner, role="service_role") as service:
            service.execute(f"select {call}")


def test_a_setting_does_not_change_the_cause(owner):
    with signed_in(owner, role="service_role") as service:
        service.execute("select set_config('rfm.cause', 'order', false)")
        service.execute("insert into customers (email) values ('forged') on conflict do nothing")
    assert run(owner, "select cause from lead_score_history order by event_id desc limit 1") == [
        ("customer_edit",)
    ]


def test_verify_is_content_with_the_history_on(owner):
    facts = failed_facts(owner)
    assert [fact for fact in facts if "right on an object" in fact or "recorded" in fact] == []
    assert not any("consumer" in fact or "Nobody but the owner" in fact for fact in facts)


def test_verify_reports_a_consumer_that_was_abandoned_and_a_gap(owner):
    run(
        owner,
        "select lead_score_events_next('gone');"
        "update lead_score_consumers set active_at = now() - interval '8 days';"
        "update lead_score_history set new_score = 7"
        " where event_id = (select max(event_id) from lead_score_history)",
    )
    facts = " ".join(failed_facts(owner))
    assert "Every consumer of events has asked for them within the last week" in facts
    assert "The newest event of each customer" in facts
