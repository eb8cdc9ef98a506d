"""Rescoring by due date misses nobody: whatever happened, and however much time went by.

Time is moved by making everything that bears one older, past the triggers.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text

from rfm.testing import cents, models, statuses
from rfm.testing.strategies import DAY, MICROSECOND

CUSTOMERS = [UUID(int=number) for number in range(1, 6)]
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


@pytest.fixture
def connection(rfm_engine):
    with rfm_engine.connect() as connection:
        yield connection


def run(connection, statement, **values):
    return connection.execute(text(statement), values)


def past_triggers(connection, statement, **values):
    run(connection, "set local session_replication_role = replica")
    run(connection, statement, **values)
    run(connection, "set local session_replication_role = origin")


def let_pass(connection, time):
    for statement in (
        "update orders set created_at = created_at - :time",
        "update customers set last_scored_at = last_scored_at - :time",
        "update lead_score_rescoring set done_until = done_until - :time",
    ):
        past_triggers(connection, statement, time=time)


def call(connection, batch=50_000):
    return tuple(run(connection, "call rescore_stale_customers(:batch)", batch=batch).one())


def rescore(connection, batch=50_000):
    total, more = 0, True
    while more:
        rescored, more = call(connection, batch)
        total += rescored
    return total


def done_until(connection):
    return run(connection, "select done_until from lead_score_rescoring").scalar_one()


def stale(connection):
    """Return whose score was not the true one when the last complete run looked."""
    statement = """
        select d.* from lead_score_drift((select done_until from lead_score_rescoring)) as d
        inner join customers as c on c.id = d.customer_id
        where c.last_scored_at is null
        -- a fresh order up to five minutes ahead counts already: the score is for its instant
        or c.last_scored_at <= (select done_until from lead_score_rescoring)
    """
    return run(connection, statement).all()


def start(connection):
    connection.rollback()
    run(connection, "truncate customers, orders, messages, deals")
    run(connection, "insert into customers (id) select unnest(cast(:ids as uuid[]))", ids=CUSTOMERS)
    assert rescore(connection) == 0


def take(connection, kind, *rest):
    if kind == "order":
        key, age, amount, status = rest
        run(
            connection,
            """
            insert into orders (customer_id, created_at, total_cents, status)
            values (:key, clock_timestamp() - cast(:age as interval), :amount, :status)
            """,
            key=key,
            age=age,
            amount=amount,
            status=status,
        )
    elif kind == "pass":
        let_pass(connection, rest[0])
    elif kind == "rescore":
        call(connection, rest[0])  # one batch: whoever is left waits for the next
    elif kind == "cancel":
        run(connection, "update orders set status = 'void' where customer_id = :key", key=rest[0])
    elif kind == "unscored":
        past_triggers(
            connection,
            "update customers set lead_score = 0, rfm_recency = 0, rfm_frequency = 0,"
            " rfm_monetary = 0, last_scored_at = null where id = :key",
            key=rest[0],
        )
    else:
        model = rest[0]
        run(
            connection,
            """
            insert into lead_score_models (recency, frequency, monetary, weights)
            values (:recency, :frequency, :monetary, :weights)
            """,
            **{
                name: list(getattr(model, name))
                for name in ("recency", "frequency", "monetary", "weights")
            },
        )
        run(connection, "select activate_lead_score_model(max(id)) from lead_score_models")


A = CUSTOMERS[0]


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
