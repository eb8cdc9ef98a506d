"""What lead_score_health() tells."""

import pytest

from rfm import db
from rfm.db.sql import read_sql
from tests.db.rescore.aging import ADA, let_pass
from tests.support import failed_facts, past_triggers, run


def health(engine):
    return {
        fact: (ok, finding)
        for fact, ok, finding in run(engine, "select * from lead_score_health()")
    }


def test_a_fresh_database_is_well_as_far_as_can_be_told(rfm_engine):
    told = health(rfm_engine)
    assert {fact: ok for fact, (ok, _) in told.items()} == {
        "unscored customers": True,
        "active model": True,
        "last rescoring": True,
        "timeline refresh": None,
        "job refresh-customer-timeline": None,
        "job rescore-stale-customers": None,
        "job score-queued-customers": None,
        "queue": True,
        "drift": True,
        "stale scores": True,
    }
    assert told["last rescoring"][1] == "never complete"
    assert told["timeline refresh"][1].startswith("unknown")
    assert failed_facts(rfm_engine) == []


def test_without_thorough_the_facts_are_left_out_that_read_every_order(three_hundred):
    quick = {
        row[0]
        for row in run(three_hundred, "select fact from lead_score_health(thorough => false)")
    }
    assert set(health(three_hundred)) - quick == {"drift", "stale scores"}


UNWELL = {
    "unscored customers": (
        "update customers set last_scored_at = null, lead_score = 0 where email < '2'",
        "111 of 300",
    ),
    "active model": (
        "alter table lead_score_active_model disable trigger user; delete from lead_score_active_model",
        "none",
    ),
    "last rescoring": (
        "update lead_score_rescoring set done_until = now() - interval '49 hours'",
        "complete up to",
    ),
    "drift": (f"update customers set lead_score = 30 where id = '{ADA}'", "1 customers"),
    "timeline refresh": (
        """
        select refresh_customer_activity_timeline();
        update customer_activity_refresh set refreshed_at = now() - interval '49 hours'
        """,
        "last one at",
    ),
}


@pytest.mark.parametrize("fact", UNWELL)
def test_health_and_verify_tell_what_is_not_well(three_hundred, fact):
    assert health(three_hundred)[fact][0] is not False
    script, finding = UNWELL[fact]
    past_triggers(three_hundred, script)
    ok, found = health(three_hundred)[fact]
    assert ok is False
    assert finding in found
    assert failed_facts(three_hundred) != []


def test_a_stale_score_is_told_at_once_and_is_a_failure_after_a_day(three_hundred):
    let_pass(three_hundred, "2 days 1 hour")
    assert health(three_hundred)["stale scores"] == (
        True,
        "300 customers, 0 of them for more than 25 hours",
    )
    let_pass(three_hundred, "1 day")
    assert health(three_hundred)["stale scores"] == (
        False,
        "300 customers, 300 of them for more than 25 hours",
    )
    assert "No score has been out of date for more than a day." in failed_facts(three_hundred)
    db.rescore_stale(three_hundred)
    assert health(three_hundred)["stale scores"] == (
        True,
        "0 customers, 0 of them for more than 25 hours",
    )
    assert "No score has been out of date for more than a day." not in failed_facts(three_hundred)


def test_a_score_for_an_instant_to_come_is_not_stale(three_hundred):
    run(
        three_hundred,
        f"insert into orders (customer_id, total_cents, created_at)"
        f" values ('{ADA}', 99900, now() + interval '3 minutes')",
    )
    assert len(run(three_hundred, "select * from lead_score_drift(now())")) == 1
    assert health(three_hundred)["stale scores"][1].startswith("0 customers")
    assert db.rescore_stale(three_hundred) == 0
    run(three_hundred, "update lead_score_rescoring set done_until = null")
    assert db.rescore_stale(three_hundred) == 0


def test_a_run_that_was_never_complete_is_told_after_two_days(rfm_engine):
    run(rfm_engine, "update lead_score_rescoring set created_at = now() - interval '49 hours'")
    assert health(rfm_engine)["last rescoring"] == (False, "never complete")
    run(rfm_engine, "delete from lead_score_rescoring")
    assert health(rfm_engine)["last rescoring"][0] is False


OTHER_REFRESHES = {
    "by hand": "refresh materialized view customer_activity_timeline",
    "by the guide's function": """
        create or replace function refresh_customer_activity_timeline() returns void as $$
        begin refresh materialized view customer_activity_timeline; end;
        $$ language plpgsql security definer;
    """,
}


@pytest.mark.parametrize("refresh", OTHER_REFRESHES.values(), ids=OTHER_REFRESHES.keys())
def test_the_timelines_age_is_told_only_where_it_is_known(three_hundred, refresh):
    for _ in range(2):
        run(three_hundred, "select refresh_customer_activity_timeline()")
        ok, finding = health(three_hundred)["timeline refresh"]
        assert ok
        assert finding.startswith("last one at 20")
    run(three_hundred, refresh)
    ok, finding = health(three_hundred)["timeline refresh"]
    assert ok is None
    assert finding.startswith("unknown")
    run(three_hundred, read_sql("migrations/20250115000002_create_post_migration_objects"))
    run(three_hundred, "select refresh_customer_activity_timeline()")
    assert health(three_hundred)["timeline refresh"][0]
