"""At each isolation level, an order does what it does without rfm."""

import psycopg
import pytest

from tests.db.sales.shop import BULK, EDIT, LEVELS, ORDER, queued
from tests.support import assert_true_scores, run, session


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name.lower())
def test_an_order_of_an_old_snapshot_is_never_refused_for_the_score(crm, level):
    with session(crm) as old:
        old.isolation_level = level
        old.execute("select count(*) from customers")
        run(crm, ORDER)
        old.execute(ORDER)
        old.commit()
    assert run(crm, "select count(*) from orders") == [(2,)]
    assert_true_scores(crm)


def test_serializable_orders_of_one_customer_do_not_fail_each_other(crm):
    """Two transactions that read nothing but what each writes: serializable without rfm."""
    with session(crm) as first, session(crm) as second:
        for one in (first, second):
            one.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            one.execute("select 1")
        for one in (first, second):
            one.execute(ORDER)
            one.execute(f"insert into customers (email) values ('new {id(one)}')")
        first.commit()
        second.commit()
    assert_true_scores(crm)


@pytest.mark.parametrize("level", LEVELS[2:], ids=lambda level: level.name.lower())
def test_orders_are_truncated_at_any_level(crm, level):
    with session(crm) as connection:
        connection.isolation_level = level
        connection.execute("select 1 from customers")  # a snapshot from before the orders
        run(crm, BULK)
        connection.execute("truncate orders")
        connection.commit()
    assert_true_scores(crm)
    assert run(crm, "select distinct lead_score from customers") == [(6,)]


def test_a_savepoint_that_is_rolled_back_leaves_neither_score_nor_queue(crm):
    with session(crm) as edit, session(crm) as sale:
        edit.execute(EDIT)
        sale.execute("savepoint before")
        sale.execute(ORDER)
        sale.execute("rollback to before")
        sale.commit()
        edit.rollback()
    assert queued(crm) == []
    assert_true_scores(crm)
