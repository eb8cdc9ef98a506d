"""What is recorded, and why; and that recording never stands in a writer's way."""

import pytest

from rfm import Model, db
from rfm.testing import assert_scores_match
from tests.db.history.support import key, order, recorded_events
from tests.support import assert_true_scores, past_triggers, run, session

SCORES = "select lead_score from customers where id = '{}'"


def last_scored(engine, number, age):
    """Let a customer's scores be of an earlier instant, as if time had passed."""
    past_triggers(
        engine,
        f"""
        update orders set created_at = created_at - interval '{age}' where customer_id = '{key(number)}';
        update customers set last_scored_at = last_scored_at - interval '{age}' where id = '{key(number)}';
        """,
    )


def test_enabling_writes_nobodys_first_row(recorded):
    assert recorded_events(recorded) == []


def test_a_baseline_is_one_event_for_each_scored_customer_and_only_once(recorded):
    order(recorded, 1)
    assert db.enable_history(recorded, baseline=True) == 4
    assert db.enable_history(recorded, baseline=True) == 0
    assert [(n, cause) for n, cause, *_ in recorded_events(recorded)] == [
        (1, "order"),
        *((n, "baseline") for n in (2, 3, 4, 5)),
    ]


def test_an_order_is_the_cause_order(recorded):
    order(recorded, 1)
    assert recorded_events(recorded) == [(1, "order", 18, 21)]


def test_an_order_that_changes_no_score_is_no_event(recorded):
    order(recorded, 1, cents=0, age="40 days")
    assert recorded_events(recorded) == []


def test_an_edit_of_a_customer_is_the_cause_customer_edit(recorded):
    last_scored(recorded, 1, "60 days")
    run(recorded, f"update customers set full_name = 'Ada' where id = '{key(1)}'")
    assert recorded_events(recorded) == [(1, "customer_edit", 18, 12)]


def test_a_new_customer_is_scored(recorded):
    run(recorded, f"insert into customers (id, email) values ('{key(6)}', 'six')")
    assert recorded_events(recorded) == [(6, "customer_edit", None, 6)]


def test_aging_is_the_cause_time(recorded):
    last_scored(recorded, 2, "60 days")
    run(recorded, "update lead_score_rescoring set done_until = null")
    assert db.rescore_stale(recorded) == 1
    assert recorded_events(recorded) == [(2, "time", 18, 12)]


def test_an_order_that_waited_in_the_queue_is_the_cause_order(recorded):
    with session(recorded) as editor:
        editor.execute(f"select from customers where id = '{key(3)}' for no key update")
        order(recorded, 3)
    assert recorded_events(recorded) == []
    run(recorded, "select score_queued_customers()")
    assert recorded_events(recorded) == [(3, "order", 18, 21)]


def test_a_backfill_is_the_cause_backfill(recorded):
    last_scored(recorded, 4, "60 days")
    db.backfill(recorded)
    assert recorded_events(recorded) == [(4, "backfill", 18, 12)]


def activate_another_model(engine):
    past_triggers(
        engine, "update customers set last_scored_at = last_scored_at - interval '1 hour'"
    )
    other = Model((180, 90, 60, 30), (1, 1, 5, 10), (50, 200, 500, 1000))
    db.activate(engine, db.store_model(engine, other), allow_dead_segments=True)


def test_another_model_is_the_cause_model(recorded):
    activate_another_model(recorded)
    db.backfill(recorded)
    assert recorded_events(recorded) == [(n, "model", 18, 20) for n in (1, 2, 3, 4, 5)]
    assert run(recorded, "select distinct model_id from lead_score_history") == [(2,)]


def test_an_order_after_another_model_is_two_events(recorded):
    activate_another_model(recorded)
    order(recorded, 1)
    assert recorded_events(recorded) == [(1, "model", 18, 20), (1, "order", 20, 23)]
    order(recorded, 1, cents=20_000)
    assert recorded_events(recorded)[2:] == [(1, "order", 23, 24)]


def test_an_event_is_for_the_instant_of_the_score(recorded):
    order(recorded, 1)
    assert run(
        recorded,
        "select count(*) from lead_score_history h inner join customers c"
        " on c.id = h.customer_id and c.last_scored_at = h.occurred_at and c.lead_score = h.new_score",
    ) == [(1,)]


# ---------------------------------------------------------------- in nobody's way


@pytest.fixture
def locked(recorded):
    """The history while somebody maintains it: nobody can write to it."""
    with session(recorded) as maintenance:
        maintenance.execute("lock table lead_score_history in access exclusive mode")
        yield recorded


def test_an_order_is_written_while_the_history_is_locked_and_recorded_afterwards(locked):
    order(locked, 1)
    assert run(locked, "select sqlstate from lead_score_queue") == [("55P03",)]


def test_an_edit_is_written_while_the_history_is_locked_and_a_baseline_heals_the_gap(recorded):
    last_scored(recorded, 1, "60 days")
    with session(recorded) as maintenance:
        maintenance.execute("lock table lead_score_history in access exclusive mode")
        run(recorded, f"update customers set full_name = 'Ada' where id = '{key(1)}'")
    assert recorded_events(recorded) == []
    assert run(recorded, SCORES.format(key(1))) == [(12,)]
    db.enable_history(recorded, baseline=True)
    assert (1, "baseline", None, 12) in recorded_events(recorded)


@pytest.mark.parametrize(
    "damage",
    [
        "drop table lead_score_history cascade",
        "alter table lead_score_history drop column cause cascade",
        "alter table lead_score_history add check (new_score < 0) not valid",
        "drop function append_lead_score_events",
    ],
)
def test_a_damaged_history_refuses_neither_order_nor_edit(recorded, damage):
    run(recorded, damage)
    order(recorded, 1)
    last_scored(recorded, 2, "60 days")
    run(recorded, f"update customers set full_name = 'Ada' where id = '{key(2)}'")
    assert run(recorded, "select count(*) from orders") == [(6,)]
    assert run(recorded, SCORES.format(key(2))) == [(12,)]


def test_scores_stay_true_with_the_history_on(recorded):
    for number in (1, 2, 3):
        order(recorded, number, cents=number * 10_000, age=f"{number * 31} days")
    run(recorded, "update orders set status = 'refunded' where total_cents = 20000")
    run(recorded, "truncate orders")
    assert_true_scores(recorded)
    assert_scores_match(recorded)


def test_every_event_begins_where_the_one_before_ended(recorded):
    for number in (1, 2, 1, 1):
        order(recorded, number, cents=30_000)
    run(recorded, "delete from orders where total_cents = 30000")
    assert run(
        recorded,
        """
        select count(*) from (
            select old_score, lag(new_score) over (partition by customer_id order by event_id) as before
            from lead_score_history
        ) as h where before <> old_score
        """,
    ) == [(0,)]


def test_a_rollback_of_the_order_takes_its_event_back(recorded):
    with session(recorded) as writer:
        writer.execute("insert into orders (customer_id, total_cents) values (%s, 1)", [key(1)])
        writer.rollback()
    assert recorded_events(recorded) == []


def test_an_event_has_the_segments_of_the_map_that_was_active(recorded):
    run(recorded, f"insert into customers (id, email) values ('{key(6)}', 'six')")
    order(recorded, 6)
    order(recorded, 1)
    rows = run(
        recorded,
        "select e.customer_id::text, e.type, e.old_segment, e.new_segment, c.segment, e.segment_map_id"
        " from lead_score_events as e inner join customer_segments as c using (customer_id)"
        " order by e.event_id",
    )
    assert [row[1:4] for row in rows[:2]] == [
        ("scored", None, "prospect"),
        ("category_changed", "prospect", rows[1][4]),
    ]
    assert rows[2][3] == rows[2][4]
    assert {row[5] for row in rows} == {1}


def test_a_prospect_who_stays_at_the_lowest_score_changes_the_segment(recorded):
    run(
        recorded,
        "insert into lead_score_models (recency, frequency, monetary) values ('{5}', '{2}', '{500}')",
    )
    run(
        recorded,
        "update lead_score_active_model set model_id = 2, activated_at = now() - interval '1 year'",
    )
    run(recorded, f"insert into customers (id, email) values ('{key(6)}', 'six')")
    order(recorded, 6, cents=100, age="30 days")
    rows = run(
        recorded,
        "select type, old_score, new_score, old_segment, new_segment <> 'prospect'"
        f" from lead_score_events where customer_id = '{key(6)}' order by event_id",
    )
    assert rows == [
        ("scored", None, 6, None, False),
        ("segment_changed", 6, 6, "prospect", True),
    ]
