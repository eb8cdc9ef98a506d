"""What an order does without rfm, it does with rfm, in bounded time; its score may wait in the queue."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from rfm.testing import assert_scores_match

CUSTOMERS = 20
ADA = "00000000-0000-4000-8000-00000000000a"
ORDER = f"insert into orders (customer_id, total_cents) values ('{ADA}', 7000)"
BULK = "insert into orders (customer_id, total_cents) select id, 7000 from customers"
LEVELS = list(psycopg.IsolationLevel)


def dsn(engine):
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def do(engine, script):
    with psycopg.connect(dsn(engine), autocommit=True) as connection:
        cursor = connection.execute(script)
        return cursor.fetchall() if cursor.description else []


def queued(engine):
    return do(engine, "select customer_id::text, sqlstate from lead_score_queue order by 1")


@pytest.fixture
def crm(rfm_engine):
    do(
        rfm_engine,
        f"""
        insert into customers (id, email) values ('{ADA}', 'ada@example.com');
        insert into customers (email) select n::text from generate_series(2, {CUSTOMERS}) as n;
        """,
    )
    return rfm_engine


def all_is_well(engine):
    """Empty the queue; then no score is wrong or old."""
    failed = do(engine, "select failed, waiting from score_queued_customers()")
    assert failed == [(0, 0)]
    assert queued(engine) == []
    assert do(engine, "select * from lead_score_drift()") == []
    assert do(engine, "select * from lead_score_drift(now())") == []
    assert_scores_match(engine)


# ---------------------------------------------------------------- locks


CREDIT_CHECK = """
    create function check_credit() returns trigger language plpgsql as $$
    begin
        perform from customers where id = new.customer_id for share;
        return new;
    end $$;
    create trigger check_credit before insert on orders for each row execute function check_credit();
"""


def test_a_credit_check_that_reads_its_customer_for_share_refuses_no_order(crm):
    do(crm, CREDIT_CHECK)

    def sell(_):
        with psycopg.connect(dsn(crm), autocommit=True) as connection:
            for _ in range(10):
                connection.execute(ORDER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sell, range(4)))
    assert do(crm, "select count(*) from orders") == [(40,)]
    all_is_well(crm)


def test_two_transactions_that_read_for_share_and_then_order_do_not_deadlock(crm):
    read = f"select from customers where id = '{ADA}' for share"
    with psycopg.connect(dsn(crm)) as first, psycopg.connect(dsn(crm)) as second:
        first.execute(read)
        second.execute(read)
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(one.execute, ORDER) for one in (first, second)]:
                done.result(timeout=10)
        first.commit()
        second.commit()
    assert {state for _, state in queued(crm)} == {"55P03"}
    all_is_well(crm)


def test_one_customers_orders_in_two_transactions_do_not_deadlock(crm):
    """A replacement and then the old order here, a webhook on the old order there."""
    do(crm, ORDER)
    old = "update orders set status = 'shipped' where total_cents = 7000"
    with psycopg.connect(dsn(crm)) as shop, psycopg.connect(dsn(crm)) as webhook:
        shop.execute(f"insert into orders (customer_id, total_cents) values ('{ADA}', 1)")
        with ThreadPoolExecutor(2) as pool:
            there = pool.submit(webhook.execute, old)
            time.sleep(0.05)
            here = pool.submit(shop.execute, old)
            there.result(timeout=10)
            webhook.commit()
            here.result(timeout=10)
            shop.commit()
    all_is_well(crm)


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
def test_an_open_edit_of_the_customer_holds_up_an_order_for_a_moment_only(crm, write):
    with psycopg.connect(dsn(crm)) as edit, psycopg.connect(dsn(crm), autocommit=True) as sale:
        edit.execute(f"update customers set full_name = 'Ada' where id = '{ADA}'")
        sale.execute("set lock_timeout = '500ms'")  # a session's own, which fails without a queue
        started = time.monotonic()
        sale.execute(write)
        assert time.monotonic() - started < 0.4
        assert queued(crm) == [(ADA, "55P03")]
        assert do(crm, "select scored, failed from score_queued_customers()") == [(0, 1)]
        edit.commit()
    all_is_well(crm)


def test_an_order_waits_as_long_as_it_likes_for_locks_of_the_crm(crm):
    """The limit of 0.1 s holds for scoring alone, and ends with it."""
    with psycopg.connect(dsn(crm)) as sale:
        sale.execute(ORDER)
        assert sale.execute("show lock_timeout").fetchall() == [("0",)]


def test_a_prepared_transaction_holds_up_nobody(crm):
    with psycopg.connect(dsn(crm), autocommit=True) as first:
        if first.execute("show max_prepared_transactions").fetchone() == ("0",):
            pytest.skip("this server allows no prepared transactions")
        first.execute(f"begin; {ORDER}; prepare transaction 'rfm'")
        do(crm, ORDER)
        assert queued(crm) == [(ADA, "55P03")]
        first.execute("commit prepared 'rfm'")
    all_is_well(crm)


# ---------------------------------------------------------------- triggers and constraints of the CRM


def raising(when="true", how="raise exception 'the secret of %', new.email"):
    return f"""
        create function refuse() returns trigger language plpgsql as $$
        begin
            if {when} then {how}; end if;
            return new;
        end $$;
        create trigger refuse before update on customers for each row execute function refuse();
    """


BAD_ROWS = {
    "not valid check": (
        f"alter table customers add constraint named check (id <> '{ADA}') not valid",
        "alter table customers drop constraint named",
        "23514",
    ),
    "raising trigger": (
        raising(f"new.id = '{ADA}'"),
        "drop function refuse() cascade",
        "P0001",
    ),
    "missing function": (
        raising(f"new.id = '{ADA}'", "perform no_such_function()"),
        "drop function refuse() cascade",
        "42883",
    ),
    "no replica identity": (
        """
        alter table customers replica identity nothing;
        create publication everything for table customers;
        """,
        "drop publication everything",
        "55000",
    ),
}


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
@pytest.mark.parametrize(("spoil", "mend", "state"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_customer_that_cannot_be_written_refuses_no_order(crm, spoil, mend, state, write):
    do(crm, spoil)
    do(crm, write)
    assert (ADA, state) in queued(crm)
    everybody_fails = state == "55000"
    ((_scored, failed, waiting),) = do(crm, "select * from score_queued_customers()")
    assert waiting == 0
    if not everybody_fails:
        # the bad one alone stays, the others are not held up
        assert failed == 1
        assert queued(crm) == [(ADA, state)]
        assert do(crm, "select count(*) from customers where lead_score > 6") in [[(0,)], [(19,)]]
    do(crm, mend)
    all_is_well(crm)


def test_the_queue_holds_no_message_and_no_row(crm):
    do(crm, BAD_ROWS["raising trigger"][0])
    do(crm, ORDER)
    (columns,) = do(
        crm,
        "select array_agg(attname::text order by attnum) from pg_attribute"
        " where attrelid = 'lead_score_queue'::regclass and attnum > 0",
    )
    assert columns == (["customer_id", "sqlstate", "queued_at", "tried_at"],)
    assert "secret" not in str(do(crm, "select * from lead_score_queue"))


def test_a_trigger_on_customers_that_writes_orders_does_not_break_its_own_update(crm):
    do(
        crm,
        """
        create function note() returns trigger language plpgsql as $$
        begin
            insert into orders (customer_id, event_name, total_cents) values (new.id, 'moved', 0);
            update orders set event_name = 'told' where customer_id = new.id;
            return new;
        end $$;
        create trigger a_note before update of email on customers
        for each row execute function note();
        """,
    )
    do(crm, f"update customers set email = 'ada@example.org' where id = '{ADA}'")
    assert do(crm, f"select email from customers where id = '{ADA}'") == [("ada@example.org",)]
    assert {state for _, state in queued(crm)} == {"27000"}
    all_is_well(crm)


def test_an_order_written_by_another_tables_trigger_is_scored_at_once(crm):
    do(
        crm,
        """
        create table carts (customer_id uuid);
        create function check_out() returns trigger language plpgsql as $$
        begin
            insert into orders (customer_id, total_cents) values (new.customer_id, 7000);
            return new;
        end $$;
        create trigger check_out after insert on carts for each row execute function check_out();
        """,
    )
    do(crm, f"insert into carts values ('{ADA}')")
    assert queued(crm) == []
    assert do(crm, f"select rfm_frequency from customers where id = '{ADA}'") == [(2,)]


def test_triggers_of_the_crm_find_what_they_find_without_us(rfm_crm_engine):
    """A function of the schema that the database's search_path names, called without its schema."""
    from rfm import db  # noqa: PLC0415 - the path has to be there before the migrations are

    name = rfm_crm_engine.url.database
    do(
        rfm_crm_engine,
        f"""
        create schema extensions;
        create function extensions.unaccented(text) returns text language sql immutable
        as 'select lower($1)';
        alter database {name} set search_path = "$user", public, extensions;
        create function spell() returns trigger language plpgsql
        as $$ begin new.full_name := unaccented(new.full_name); return new; end $$;
        create trigger spell before insert or update on customers
        for each row execute function spell();
        """,
    )
    db.apply(rfm_crm_engine)
    do(rfm_crm_engine, f"insert into customers (id, full_name) values ('{ADA}', 'ADA')")
    do(rfm_crm_engine, ORDER)
    assert queued(rfm_crm_engine) == []
    assert do(rfm_crm_engine, "select full_name, rfm_frequency from customers") == [("ada", 2)]


# ---------------------------------------------------------------- isolation


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name.lower())
def test_an_order_of_an_old_snapshot_is_never_refused_for_the_score(crm, level):
    with psycopg.connect(dsn(crm)) as old:
        old.isolation_level = level
        old.execute("select count(*) from customers")
        do(crm, ORDER)
        old.execute(ORDER)
        old.commit()
    assert do(crm, "select count(*) from orders") == [(2,)]
    all_is_well(crm)


def test_serializable_orders_of_one_customer_do_not_fail_each_other(crm):
    """Two transactions that read nothing but what each writes: serializable without rfm."""
    with psycopg.connect(dsn(crm)) as first, psycopg.connect(dsn(crm)) as second:
        for one in (first, second):
            one.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            one.execute("select 1")
        for one in (first, second):
            one.execute(ORDER)
            one.execute(f"insert into customers (email) values ('new {id(one)}')")
        first.commit()
        second.commit()
    all_is_well(crm)


@pytest.mark.parametrize("level", LEVELS[2:], ids=lambda level: level.name.lower())
def test_orders_are_truncated_at_any_level(crm, level):
    with psycopg.connect(dsn(crm)) as connection:
        connection.isolation_level = level
        connection.execute("select 1 from customers")  # a snapshot from before the orders
        do(crm, BULK)
        connection.execute("truncate orders")
        connection.commit()
    all_is_well(crm)
    assert do(crm, "select distinct lead_score from customers") == [(6,)]


def test_a_savepoint_that_is_rolled_back_leaves_neither_score_nor_queue(crm):
    with psycopg.connect(dsn(crm)) as edit, psycopg.connect(dsn(crm)) as sale:
        edit.execute(f"update customers set full_name = 'Ada' where id = '{ADA}'")
        sale.execute("savepoint before")
        sale.execute(ORDER)
        sale.execute("rollback to before")
        sale.commit()
        edit.rollback()
    assert queued(crm) == []
    all_is_well(crm)


# ---------------------------------------------------------------- long histories


@pytest.fixture
def walk_in(crm):
    do(
        crm,
        f"insert into orders (customer_id, total_cents) select '{ADA}', 100 from generate_series(1, 1001)",
    )
    all_is_well(crm)
    return crm


def test_an_order_of_a_long_history_is_left_to_the_queue_and_locks_nobody(walk_in):
    with psycopg.connect(dsn(walk_in)) as first, psycopg.connect(dsn(walk_in)) as second:
        first.execute(ORDER)
        second.execute("set lock_timeout = '50ms'")
        second.execute(f"update customers set full_name = 'Ada' where id = '{ADA}'")
        first.commit()
        second.commit()
    assert {state for _, state in queued(walk_in)} == {"54000"}
    all_is_well(walk_in)


def test_an_edit_of_a_long_history_keeps_its_score_and_waits(walk_in):
    before = do(walk_in, f"select lead_score, last_scored_at from customers where id = '{ADA}'")
    do(
        walk_in,
        f"update customers set full_name = 'Ada', lead_score = 30, rfm_monetary = 5 where id = '{ADA}'",
    )
    assert (
        do(walk_in, f"select lead_score, last_scored_at from customers where id = '{ADA}'")
        == before
    )
    assert queued(walk_in) == [(ADA, "54000")]
    all_is_well(walk_in)


def test_a_thousand_orders_are_read_at_once(crm):
    do(
        crm,
        f"insert into orders (customer_id, total_cents) select '{ADA}', 100 from generate_series(1, 999)",
    )
    do(crm, ORDER)
    assert queued(crm) == []
    all_is_well(crm)


# ---------------------------------------------------------------- the queue


def test_draining_beside_sales_loses_nobody(crm):
    stop = threading.Event()
    do(crm, CREDIT_CHECK)

    def sell(number):
        with psycopg.connect(dsn(crm), autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    "insert into orders (customer_id, total_cents)"
                    " select id, 100 from customers order by random() limit %s",
                    [1 + number % 2 * 5],
                )

    def drain(_):
        with psycopg.connect(dsn(crm), autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("select score_queued_customers(7)")

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(sell, number) for number in range(4)]
        running += [pool.submit(drain, number) for number in range(2)]
        time.sleep(3)
        stop.set()
        for one in running:
            one.result(timeout=30)
    all_is_well(crm)


def test_a_row_of_the_queue_that_commits_late_is_not_lost(crm):
    with psycopg.connect(dsn(crm)) as edit, psycopg.connect(dsn(crm)) as sale:
        edit.execute(f"update customers set full_name = 'Ada' where id = '{ADA}'")
        sale.execute(ORDER)
        edit.commit()
        assert do(crm, "select scored from score_queued_customers()") == [(0,)]
        sale.commit()
    assert queued(crm) == [(ADA, "55P03")]
    all_is_well(crm)


def test_whoever_waits_goes_on_to_wait_since_then(crm):
    with psycopg.connect(dsn(crm)) as edit:
        edit.execute(f"update customers set full_name = 'Ada' where id = '{ADA}'")
        do(crm, ORDER)
        since = do(crm, "select queued_at from lead_score_queue")
        for _ in range(2):
            do(crm, "select score_queued_customers()")
            assert do(crm, "select queued_at from lead_score_queue") == since


def test_a_run_tries_those_first_that_nobody_has_tried(crm):
    do(crm, BAD_ROWS["raising trigger"][0])
    do(crm, ORDER)
    do(crm, "select score_queued_customers()")
    do(crm, "insert into lead_score_queue select id, '55P03' from customers where email = '2'")
    assert do(crm, "select * from score_queued_customers(1)") == [(1, 0, 1)]
    assert queued(crm) == [(ADA, "P0001")]


def test_deleted_customers_leave_the_queue(crm):
    do(
        crm,
        f"insert into lead_score_queue values ('{ADA}', '55P03'); delete from customers where id = '{ADA}'",
    )
    assert do(crm, "select * from score_queued_customers()") == [(1, 0, 0)]
    assert queued(crm) == []


def test_health_and_verify_tell_of_a_queue_that_nobody_empties(crm):
    from rfm import db  # noqa: PLC0415

    fact = "select ok, finding from lead_score_health(false) where fact = 'queue'"
    assert do(crm, fact) == [(True, "empty")]
    do(
        crm,
        f"insert into lead_score_queue values ('{ADA}', '23514', now() - interval '11 minutes')",
    )
    ((ok, finding),) = do(crm, fact)
    assert not ok
    assert finding.startswith("1 waiting since 20")
    assert finding.endswith("(23514: 1)")
    (check,) = [one for one in db.verify(crm) if "lead_score_queue for more" in one.fact]
    assert not check.passed


def test_after_the_guides_rollback_the_queue_is_nobodys_concern(crm):
    do(crm, f"insert into lead_score_queue values ('{ADA}', '55P03')")
    with crm.begin() as connection:
        for view in ("hot_leads", "customer_segments", "lead_score_customers"):
            connection.execute(text(f"drop view {view}"))
    do(
        crm,
        """
        drop trigger recalculate_lead_score_on_order_change on orders;
        drop trigger calculate_customer_lead_score on customers;
        drop function recalculate_customer_lead_score();
        drop function calculate_lead_score();
        alter table customers drop column lead_score, drop column rfm_recency, drop column rfm_frequency,
            drop column rfm_monetary, drop column last_scored_at;
        """,
    )
    do(crm, ORDER)
    do(crm, "update orders set total_cents = 1")
    assert do(crm, "select * from score_queued_customers()") == [(0, 0, 0)]
