"""A customer with a long history costs an order no more than any other."""

import pytest

from tests.db.sales.shop import ADA, EDIT, ORDER, queued
from tests.support import assert_true_scores, run, session


@pytest.fixture
def walk_in(crm):
    run(
        crm,
        f"insert into orders (customer_id, total_cents) select '{ADA}', 100 from generate_series(1, 1001)",
    )
    assert_true_scores(crm)
    return crm


def test_an_order_of_a_long_history_is_left_to_the_queue_and_locks_nobody(walk_in):
    with session(walk_in) as first, session(walk_in) as second:
        first.execute(ORDER)
        second.execute("set lock_timeout = '50ms'")
        second.execute(EDIT)
        first.commit()
        second.commit()
    assert {state for _, state in queued(walk_in)} == {"54000"}
    assert_true_scores(walk_in)


def test_an_edit_of_a_long_history_keeps_its_score_and_waits(walk_in):
    before = run(walk_in, f"select lead_score, last_scored_at from customers where id = '{ADA}'")
    run(
        walk_in,
        f"update customers set full_name = 'Ada', lead_score = 30, rfm_monetary = 5 where id = '{ADA}'",
    )
    assert (
        run(walk_in, f"select lead_score, last_scored_at from customers where id = '{ADA}'")
        == before
    )
    assert queued(walk_in) == [(ADA, "54000")]
    assert_true_scores(walk_in)


def test_a_thousand_orders_are_read_at_once(crm):
    run(
        crm,
        f"insert into orders (customer_id, total_cents) select '{ADA}', 100 from generate_series(1, 999)",
    )
    run(crm, ORDER)
    assert queued(crm) == []
    assert_true_scores(crm)
