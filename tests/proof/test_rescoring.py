"""Rescoring by due date misses nobody: whatever happened, and however much time went by.

Time is moved by making everything that bears one older, past the triggers.
"""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rfm.testing import cents, models, statuses
from rfm.testing.strategies import DAY, MICROSECOND
from tests.proof.aging import (
    CUSTOMERS,
    A,
    done_until,
    let_pass,
    past_triggers,
    rescore,
    run,
    stale,
    start,
    take,
)

AGES = [days * DAY for days in (0, 31, 61, 91, 181)]

keys = st.sampled_from(CUSTOMERS)
# the ages at which something happens, from 400 days back to some days ahead, to the microsecond
ages = st.builds(
    lambda age, slack: age + slack * MICROSECOND, st.sampled_from(AGES), st.integers(-2, 2)
) | st.builds(timedelta, days=st.integers(-40, 400), hours=st.integers(0, 23))
orders = st.tuples(st.just("order"), keys, ages, cents(), statuses())
passing = st.tuples(st.just("pass"), ages.filter(lambda age: age >= timedelta(0)))
rescoring = st.tuples(st.just("rescore"), st.integers(1, 3))
steps = st.lists(
    orders
    | passing
    | rescoring
    | st.tuples(st.just("cancel"), keys)
    | st.tuples(st.just("unscored"), keys)
    | st.tuples(st.just("model"), models()),
    max_size=25,
)


@given(steps=steps)
@example(steps=[("order", A, -3 * DAY, 100, "paid"), ("pass", 4 * DAY)])
@example(steps=[("order", A, 30 * DAY, 100, None), ("rescore", 3), ("pass", DAY), ("rescore", 1)])
@example(
    steps=[
        *(("order", key, 29 * DAY, 7000, "paid") for key in CUSTOMERS),
        ("rescore", 3),
        ("pass", 2 * DAY),
        ("rescore", 2),
        ("pass", 30 * DAY),
    ]
)
def test_after_a_complete_run_no_score_is_stale(connection, steps):
    start(connection)
    for step in steps:
        take(connection, *step)
    rescore(connection, batch=2)
    assert stale(connection) == []
    assert run(connection, "select * from lead_score_drift()").all() == []
    assert run(connection, "select * from lead_score_queue").all() == []


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("early", [-1, 0, 1])
def test_whoever_was_scored_a_microsecond_before_the_score_changed_is_rescored(
    connection, age, early
):
    start(connection)
    changed_at = done_until(connection) - timedelta(minutes=10)
    past_triggers(
        connection,
        "insert into orders (customer_id, created_at, total_cents) values (:key, :at, 7000)",
        key=A,
        at=changed_at - age,
    )
    past_triggers(
        connection,
        "update customers set last_scored_at = :at where id = :key",
        key=A,
        at=changed_at - early * MICROSECOND,
    )
    assert rescore(connection) == (early == 1)


@pytest.mark.parametrize("age", AGES)
def test_whoever_becomes_due_while_it_runs_is_rescored_now_or_next_time(connection, age):
    """Ten thousand customers, due a microsecond after each other, around the run's own instant."""
    start(connection)
    past_triggers(
        connection,
        """
        with new as (
            insert into customers (email, lead_score, last_scored_at)
            select n, 6, now() - interval '1 hour' from generate_series(1, 10000) as n
            returning id, email
        )
        insert into orders (customer_id, total_cents, created_at)
        select id, 7000, clock_timestamp() + email::int * interval '20 microseconds' - cast(:age as interval)
        from new
        """,
        age=age,
    )
    rescored = rescore(connection)
    assert 0 < rescored < 10_000
    due = "orders.created_at + cast(:age as interval) <= (select done_until from lead_score_rescoring)"
    touched = f"""
        select count(*), count(*) filter (where ({due}) <> (last_scored_at > now() - interval '30 minutes'))
        from orders inner join customers on customers.id = customer_id
    """
    assert run(connection, touched, age=age).one() == (10_000, 0)
    run(connection, "select pg_sleep(0.3)")  # until the last of them is due
    assert rescore(connection) == 10_000 - rescored


def test_an_order_that_is_not_the_newest_makes_nobody_due(connection):
    start(connection)
    for days in (1, 29):
        take(connection, "order", A, days * DAY, 100, "paid")
    let_pass(connection, 3 * DAY)
    assert rescore(connection) == 0


def test_nobody_is_rescored_whose_time_has_not_come(connection):
    start(connection)
    for number, key in enumerate(CUSTOMERS):
        take(connection, "order", key, (26 + number) * DAY, 100, "paid")
    let_pass(connection, 2 * DAY + timedelta(hours=1))
    assert rescore(connection) == 2
    assert rescore(connection) == 0
