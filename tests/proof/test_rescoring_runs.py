"""Runs of rescoring that were interrupted, or that know too little, skip nobody."""

from datetime import UTC, datetime, timedelta

import pytest

from rfm.testing.strategies import DAY
from tests.proof.aging import (
    CUSTOMERS,
    A,
    call,
    done_until,
    let_pass,
    past_triggers,
    rescore,
    run,
    stale,
    start,
    take,
)


def test_a_run_in_batches_goes_on_where_it_was_interrupted(connection):
    start(connection)
    for key in CUSTOMERS:
        take(connection, "order", key, 29 * DAY, 100, "paid")
    let_pass(connection, 3 * DAY)
    before = done_until(connection)
    assert call(connection, 2) == (2, True)
    # whoever was due by then is in the queue, and is not looked for again
    assert done_until(connection) > before
    assert run(connection, "select count(*), min(sqlstate) from lead_score_queue").all() == [
        (3, "00000")
    ]
    assert call(connection, 2) == (2, True)
    # the last of the queue, a look for those that became due since, and nobody is left
    assert [call(connection, 2) for _ in range(3)] == [(1, True), (0, False), (0, False)]
    assert stale(connection) == []


def test_an_unfinished_run_keeps_nobody_else_waiting_for_good(connection):
    start(connection)
    for key in CUSTOMERS[:4]:
        take(connection, "order", key, 29 * DAY, 100, "paid")
    let_pass(connection, 3 * DAY)
    call(connection, 1)
    take(connection, "order", CUSTOMERS[4], 29 * DAY, 100, "paid")
    let_pass(connection, 40 * DAY)
    rescore(connection, 1)
    assert stale(connection) == []


@pytest.mark.parametrize(
    "forget",
    [
        "update lead_score_rescoring set done_until = null",
        "update lead_score_rescoring set done_until = now() + interval '1 day'",  # a clock set back
        "update lead_score_rescoring set model_id = null",
    ],
)
def test_where_the_last_run_is_not_known_everybody_is_looked_at(connection, forget):
    start(connection)
    take(connection, "order", A, 10 * DAY, 100, "paid")
    past_triggers(connection, "update orders set created_at = now() - interval '50 days'")
    past_triggers(connection, "update customers set last_scored_at = now() - interval '20 days'")
    assert rescore(connection) == 0  # a change past the triggers makes nobody due
    run(connection, forget)
    assert rescore(connection) == 1
    assert done_until(connection) <= datetime.now(UTC)
    assert stale(connection) == []


def test_a_clock_that_was_set_back_a_little_skips_nobody(connection):
    start(connection)
    take(connection, "order", A, 30 * DAY, 100, "paid")
    let_pass(connection, DAY + timedelta(minutes=1))
    # complete, by a clock that was ahead of the one that scored
    run(connection, "update lead_score_rescoring set done_until = clock_timestamp()")
    assert rescore(connection) == 1


def test_another_model_makes_due_whom_it_scores_otherwise(connection):
    start(connection)
    for number, key in enumerate(CUSTOMERS):
        take(connection, "order", key, number * DAY, 100, "paid")
    run(
        connection,
        "insert into lead_score_models (recency, frequency, monetary)"
        " values ('{2,2,2,2}', '{1,3,5,10}', '{50,200,500,1000}')",
    )
    run(connection, "select activate_lead_score_model(max(id)) from lead_score_models")
    assert rescore(connection, batch=1) == 2
    assert stale(connection) == []
    let_pass(connection, DAY)
    assert rescore(connection) == 1


@pytest.mark.parametrize("days", [0, 2_461_000, 2_470_000, 2**31 - 1])
def test_a_threshold_may_lie_before_the_beginning_of_time(connection, days):
    start(connection)
    run(
        connection,
        f"insert into lead_score_models (recency, frequency, monetary) values ('{{{days}}}', '{{}}', '{{}}')",
    )
    run(connection, "select activate_lead_score_model(max(id)) from lead_score_models")
    for at in ("-infinity", "infinity", "4714-11-24 BC"):
        run(
            connection,
            "insert into orders (customer_id, created_at) values (:key, :at)",
            key=A,
            at=at,
        )
    rescore(connection)
    rescore(connection)
    assert stale(connection) == []


def test_a_model_that_was_taken_back_between_two_runs_leaves_no_false_score(connection):
    start(connection)
    run(
        connection,
        "insert into lead_score_models (recency, frequency, monetary)"
        " values ('{9,8,7,6}', '{1,1,1,1}', '{1,2,3,4}')",
    )
    run(connection, "select activate_lead_score_model(max(id)) from lead_score_models")
    for key in CUSTOMERS[:3]:
        take(connection, "order", key, 10 * DAY, 100, "paid")
    run(connection, "select activate_lead_score_model(1)")
    assert rescore(connection) == 3
    assert stale(connection) == []
    assert run(connection, "select * from lead_score_drift()").all() == []
