"""Scores as of an instant, trends, movement, and what is left after pruning."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rfm import db
from rfm.errors import InvalidArgument, SchemaOutdated
from tests.db.history.support import key, order, worker
from tests.support import run

NOW = datetime.now(UTC)


def write_history(engine, changes):
    """Replace the log: each change is a customer, an age in days, a cause and the new score."""
    run(engine, "delete from lead_score_history")
    score: dict[int, int] = {}
    for number, days, cause, new in sorted(changes, key=lambda change: -change[1]):
        old = score.get(number, 18)
        score[number] = new
        run(
            engine,
            f"""
            insert into lead_score_history (occurred_at, customer_id, cause,
                old_recency, old_frequency, old_monetary, old_score,
                new_recency, new_frequency, new_monetary, new_score)
            values (now() - interval '{days} days', '{key(number)}', '{cause}', 1, 1, 1, {old}, 1, 1, 1, {new})
            """,
        )
    run(engine, "update lead_score_history_state set recorded_since = now() - interval '100 days'")
    run(
        engine, "set local session_replication_role = replica; update customers set lead_score = 18"
    )
    for number, new in score.items():
        run(
            engine,
            "set local session_replication_role = replica;"
            f"update customers set lead_score = {new} where id = '{key(number)}'",
        )


def ago(days):
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture(scope="module")
def shared(recorded_template):
    from rfm.testing import temporary_database  # noqa: PLC0415 - registered as a plugin

    with temporary_database(recorded_template) as engine:
        yield engine


def scores_at(engine, days):
    found = db.scores_at(engine, ago(days)).sort("customer_id")
    return dict(
        zip((int(one[-1]) for one in found["customer_id"]), found["lead_score"], strict=True)
    )


def test_a_score_as_of_an_instant_is_the_one_before_the_next_change(shared):
    write_history(shared, [(1, 20, "order", 24), (1, 10, "time", 20), (2, 5, "order", 30)])
    assert scores_at(shared, 30) == {1: 18, 2: 18, 3: 18, 4: 18, 5: 18}
    assert scores_at(shared, 15) == {1: 24, 2: 18, 3: 18, 4: 18, 5: 18}
    assert scores_at(shared, 0) == {1: 20, 2: 30, 3: 18, 4: 18, 5: 18}


def test_an_instant_before_the_history_is_refused(shared):
    with pytest.raises(InvalidArgument, match="the history begins at"):
        db.scores_at(shared, ago(1000))
    with pytest.raises(InvalidArgument, match="a period begins before it ends"):
        db.movement(shared, ago(1), ago(2))


def test_a_change_of_model_is_told_apart(shared):
    write_history(
        shared,
        [(1, 20, "order", 24), (2, 20, "model", 24), (3, 20, "model", 19), (3, 19, "order", 25)],
    )
    assert db.movement(shared, ago(30), ago(0)).rows() == [
        ("Warm", "Hot", "customer", 2),
        ("Warm", "Hot", "model", 1),
        ("Warm", "Warm", "customer", 2),
    ]


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(1, 90),
        st.sampled_from(["order", "time", "model", "customer_edit"]),
        st.integers(6, 30),
    ),
    max_size=12,
    unique_by=lambda change: change[:2],
)


def moves(engine, start, end):
    rows = run(
        engine,
        "select customer_id, category_before, category_after, change"
        f" from lead_score_moves('{start.isoformat()}', '{end.isoformat()}')",
    )
    return {str(customer): tuple(rest) for customer, *rest in rows}


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES, days=st.tuples(*[st.integers(0, 99)] * 3))
def test_movement_over_two_periods_is_one_then_the_other(shared, changes, days):
    write_history(shared, changes)
    a, b, c = (ago(day + 0.5) for day in sorted(days, reverse=True))
    first, then, whole = moves(shared, a, b), moves(shared, b, c), moves(shared, a, c)
    for customer, (before, after, change) in whole.items():
        assert (before, after) == (first[customer][0], then[customer][1])
        assert first[customer][1] == then[customer][0]
        assert change == max(first[customer][2], then[customer][2])
    matrix = db.movement(shared, a, c)
    assert matrix["customers"].sum() == len(whole) == 5


def test_movement_between_segments_is_by_the_active_map_at_both_ends(recorded):
    order(recorded, 1, cents=200_000)
    [(since,)] = run(recorded, "select recorded_since from lead_score_history_state")
    before = db.movement(recorded, since, datetime.now(UTC), by="segment")
    assert before["customers"].sum() == 5
    assert before.filter(pl.col("before") != pl.col("after"))["customers"].sum() == 1
    db.activate_segment_map(recorded, 2, allow_dead_segments=True)
    after = db.movement(recorded, since, datetime.now(UTC), by="segment")
    # the second map has one segment for one order more; nobody moved because of the map
    assert after.rows() == [("potential_loyalist", "potential_loyalist", "customer", 5)]


def test_trends_leave_out_what_a_model_did(shared):
    write_history(
        shared,
        [
            (1, 20, "order", 24),
            (2, 20, "time", 12),
            (3, 20, "model", 30),
            (4, 20, "order", 24),
            (4, 19, "time", 18),
            (5, 40, "order", 30),
        ],
    )
    trends = [str(db.trend(shared, key(number))) for number in (1, 2, 3, 4, 5)]
    assert trends == ["improving", "declining", "steady", "steady", "steady"]
    rows = run(shared, "select trend from lead_score_trends(30) order by customer_id")
    assert [trend for (trend,) in rows] == trends
    assert db.trend(shared, key(5), days=50) == "improving"
    assert db.trend(shared, key(5), days=500) == "unknown"


def test_the_history_of_a_customer_is_a_frame(shared):
    write_history(shared, [(1, 20, "order", 24), (1, 10, "time", 20)])
    found = db.history(shared, key(1))
    assert found.select("cause", "type", "old_score", "new_score").rows() == [
        ("order", "category_changed", 18, 24),
        ("time", "category_changed", 24, 20),
    ]
    assert found.schema["occurred_at"] == pl.Datetime("us", "UTC")
    assert db.history(shared, key(9)).height == 0
    with pytest.raises(InvalidArgument, match="'ada' is not the id of a customer"):
        db.history(shared, "ada")


def test_without_the_history_every_function_says_how_to_enable_it(rfm_engine):
    for call in (
        lambda: db.history(rfm_engine, key(1)),
        lambda: db.movement(rfm_engine, NOW, NOW),
        lambda: db.scores_at(rfm_engine, NOW),
        lambda: db.prune_history(rfm_engine, 1),
        lambda: next(db.events(rfm_engine, "crm")),
    ):
        with pytest.raises(SchemaOutdated, match=r"run `rfm\.db\.enable_history`"):
            call()


# ---------------------------------------------------------------- pruning


def test_prune_deletes_what_is_older_and_the_history_begins_later(recorded):
    write_history(recorded, [(1, 50, "order", 24), (2, 40, "order", 25), (3, 10, "order", 26)])
    assert db.prune_history(recorded, days=30) == 2
    assert scores_at(recorded, 39) == {1: 24, 2: 25, 3: 18, 4: 18, 5: 18}
    with pytest.raises(InvalidArgument, match="the history begins at"):
        db.scores_at(recorded, ago(45))
    assert db.prune_history(recorded, days=30) == 0


def test_prune_goes_on_in_portions(recorded):
    write_history(recorded, [(1, day, "order", 6 + day % 20) for day in range(40, 47)])
    assert run(recorded, "select * from prune_lead_score_history(interval '30 days', 3)") == [
        (3, True)
    ]
    assert db.prune_history(recorded, days=30) == 4


def test_prune_never_passes_a_consumer(recorded):
    write_history(recorded, [(1, 50, "order", 24), (2, 40, "order", 25)])
    with worker(recorded) as crm:
        assert crm.next(1)
        assert db.prune_history(recorded, days=30) == 0
        crm.done()
        assert db.prune_history(recorded, days=30) == 0
        assert crm.take() == [2]
        for _ in range(2):  # it asks twice more: every older transaction has ended
            run(recorded, "update lead_score_consumers set active_at = now() - interval '1 minute'")
            assert crm.next() == []
        assert db.prune_history(recorded, days=30) == 2


def test_prune_refuses_less_than_a_day(recorded):
    with pytest.raises(InvalidArgument, match="`days` is 0, not at least 1"):
        db.prune_history(recorded, days=0)


def test_status_tells_of_consumers(recorded):
    order(recorded, 1)
    with worker(recorded) as crm:
        crm.next()
        [consumer] = db.history_status(recorded).consumers
    assert (consumer.name, consumer.has_open_batch, consumer.behind) == ("crm", True, 1)


def test_disabling_deletes_the_history_and_orders_go_on(recorded):
    order(recorded, 1)
    assert db.disable_history(recorded)
    assert not db.disable_history(recorded)
    order(recorded, 1)
    assert db.history_status(recorded).recorded_since is None
    assert [str(one.state) for one in db.status(recorded)][-1] == "not enabled"
    assert db.plan(recorded) == []


def test_notify_is_off_until_it_is_switched_on(recorded):
    assert not db.history_status(recorded).notifies
    db.enable_history(recorded, notify=True)
    assert db.history_status(recorded).notifies
    with worker(recorded) as listener:
        listener.connection.execute("listen lead_score_events")
        order(recorded, 1)
        assert [one.channel for one in listener.connection.notifies(timeout=5, stop_after=1)]
    db.enable_history(recorded, notify=False)
    assert not db.history_status(recorded).notifies
