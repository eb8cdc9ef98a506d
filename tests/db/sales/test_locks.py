"""Locks of other sessions hold up no order, and deadlock with none."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.db.sales.shop import ADA, BULK, CREDIT_CHECK, EDIT, ORDER, queued
from tests.support import assert_true_scores, run, session


def test_a_credit_check_that_reads_its_customer_for_share_refuses_no_order(crm):
    run(crm, CREDIT_CHECK)

    def sell(_):
        with session(crm, autocommit=True) as connection:
            for _ in range(10):
                connection.execute(ORDER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sell, range(4)))
    assert run(crm, "select count(*) from orders") == [(40,)]
    assert_true_scores(crm)


def test_two_transactions_that_read_for_share_and_then_order_do_not_deadlock(crm):
    read = f"select from customers where id = '{ADA}' for share"
    with session(crm) as first, session(crm) as second:
        first.execute(read)
        second.execute(read)
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(one.execute, ORDER) for one in (first, second)]:
                done.result(timeout=10)
        first.commit()
        second.commit()
    assert {state for _, state in queued(crm)} == {"55P03"}
    assert_true_scores(crm)


def test_one_customers_orders_in_two_transactions_do_not_deadlock(crm):
    """A replacement and then the old order here, a webhook on the old order there."""
    run(crm, ORDER)
    old = "update orders set status = 'shipped' where total_cents = 7000"
    with session(crm) as shop, session(crm) as webhook:
        shop.execute(f"insert into orders (customer_id, total_cents) values ('{ADA}', 1)")
        with ThreadPoolExecutor(2) as pool:
            there = pool.submit(webhook.execute, old)
            time.sleep(0.05)
            here = pool.submit(shop.execute, old)
            there.result(timeout=10)
            webhook.commit()
            here.result(timeout=10)
            shop.commit()
    assert_true_scores(crm)


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
def test_an_open_edit_of_the_customer_holds_up_an_order_for_a_moment_only(crm, write):
    with session(crm) as edit, session(crm, autocommit=True) as sale:
        edit.execute(EDIT)
        sale.execute("set lock_timeout = '500ms'")  # a session's own, which fails without a queue
        started = time.monotonic()
        sale.execute(write)
        assert time.monotonic() - started < 0.4
        assert queued(crm) == [(ADA, "55P03")]
        assert run(crm, "select scored, failed from score_queued_customers()") == [(0, 1)]
        edit.commit()
    assert_true_scores(crm)


def test_an_order_waits_as_long_as_it_likes_for_locks_of_the_crm(crm):
    """The limit of 0.1 s holds for scoring alone, and ends with it."""
    with session(crm) as sale:
        sale.execute(ORDER)
        assert sale.execute("show lock_timeout").fetchall() == [("0",)]


def test_a_prepared_transaction_holds_up_nobody(crm):
    with session(crm, autocommit=True) as first:
        if first.execute("show max_prepared_transactions").fetchone() == ("0",):
            pytest.skip("this server allows no prepared transactions")
        first.execute(f"begin; {ORDER}; prepare transaction 'rfm'")
        run(crm, ORDER)
        assert queued(crm) == [(ADA, "55P03")]
        first.execute("commit prepared 'rfm'")
    assert_true_scores(crm)
