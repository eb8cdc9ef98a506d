"""Triggers and constraints on customers refuse no order."""

import time

import psycopg
import pytest

from rfm import db
from tests.db.sales.shop import ADA, BULK, CUSTOMERS, EDIT, ORDER, queued, raising
from tests.support import assert_true_scores, run, session

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
    run(crm, spoil)
    run(crm, write)
    assert (ADA, state) in queued(crm)
    everybody_fails = state == "55000"
    ((_scored, failed, waiting),) = run(crm, "select * from score_queued_customers()")
    assert waiting == 0
    if not everybody_fails:
        # the bad one alone stays, the others are not held up
        assert failed == 1
        assert queued(crm) == [(ADA, state)]
        assert run(crm, "select count(*) from customers where lead_score > 6") in [[(0,)], [(19,)]]
    run(crm, mend)
    assert_true_scores(crm)


def test_the_queue_holds_no_message_and_no_row(crm):
    run(crm, BAD_ROWS["raising trigger"][0])
    run(crm, ORDER)
    (columns,) = run(
        crm,
        "select array_agg(attname::text order by attnum) from pg_attribute"
        " where attrelid = 'lead_score_queue'::regclass and attnum > 0",
    )
    assert columns == (["customer_id", "sqlstate", "queued_at", "tried_at"],)
    assert "secret" not in str(run(crm, "select * from lead_score_queue"))


def test_a_trigger_on_customers_that_writes_orders_does_not_break_its_own_update(crm):
    run(
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
    run(crm, f"update customers set email = 'ada@example.org' where id = '{ADA}'")
    assert run(crm, f"select email from customers where id = '{ADA}'") == [("ada@example.org",)]
    assert {state for _, state in queued(crm)} == {"27000"}
    assert_true_scores(crm)


def test_an_order_written_by_another_tables_trigger_is_scored_at_once(crm):
    run(
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
    run(crm, f"insert into carts values ('{ADA}')")
    assert queued(crm) == []
    assert run(crm, f"select rfm_frequency from customers where id = '{ADA}'") == [(2,)]


def test_triggers_of_the_crm_find_what_they_find_without_us(rfm_crm_engine):
    """A function of the schema that the database's search_path names, called without its schema."""
    name = rfm_crm_engine.url.database
    run(
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
    run(rfm_crm_engine, f"insert into customers (id, full_name) values ('{ADA}', 'ADA')")
    run(rfm_crm_engine, ORDER)
    assert queued(rfm_crm_engine) == []
    assert run(rfm_crm_engine, "select full_name, rfm_frequency from customers") == [("ada", 2)]


# ---------------------------------------------------------------- triggers that answer a touch

NO_DRIFT = "select count(*) from lead_score_drift()"


def answering(body, when="after update"):
    """Return a trigger on customers that runs for each touch."""
    return f"""
        create function answer() returns trigger language plpgsql as $$
        begin
            {body};
            return new;
        end $$;
        create trigger answer {when} on customers for each row execute function answer();
    """


ANSWERS = {
    "the same again": "update orders set event_name = new.email where customer_id = new.id",
    "another amount": "update orders set total_cents = 100000 where customer_id = new.id",
    "one order more": "insert into orders (customer_id, total_cents) values (new.id, 0)",
    "one order more, later": "insert into orders (customer_id, total_cents, created_at)"
    " values (new.id, 0, clock_timestamp())",
}


@pytest.mark.parametrize("when", ["after update", "before update"])
@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_trigger_that_answers_each_touch_with_orders_does_not_call_itself(crm, body, when):
    run(crm, answering(body, when))
    started = time.monotonic()
    run(crm, ORDER)
    assert time.monotonic() - started < 0.3
    assert {state for _, state in queued(crm)} == {"27000"}
    for _ in range(12):  # an order more with each touch: at most ten, until the score stays
        assert run(crm, "select failed, waiting from score_queued_customers()") == [(0, 0)]
    assert queued(crm) == []
    assert run(crm, NO_DRIFT) == [(0,)]


def test_a_backfill_ends_where_each_touch_writes_orders(crm):
    run(crm, answering(ANSWERS["one order more"]))
    run(crm, BULK)
    assert db.backfill(crm).finished
    assert db.rescore_stale(crm) <= CUSTOMERS


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
@pytest.mark.parametrize(
    "body",
    ["new := null", "new := old", "new.last_scored_at := old.last_scored_at"],
    ids=["null", "the old row", "the old instant"],
)
def test_a_trigger_that_drops_the_score_is_noticed(crm, body, write):
    name = "answer" if body == "new := null" else "later"
    run(crm, answering(f"if new.id = '{ADA}' then {body}; end if", "before update"))
    run(crm, f"alter trigger answer on customers rename to {name}")
    run(crm, write)
    assert (ADA, "39P01") in queued(crm)
    assert run(crm, "select failed, waiting from score_queued_customers()") == [(1, 0)]
    assert queued(crm) == [(ADA, "39P01")]
    with pytest.raises(psycopg.Error, match="a trigger on customers drops the score"):
        run(crm, f"select touch_lead_scores(array['{ADA}']::uuid[])")
    run(crm, f"drop trigger {name} on customers")
    assert_true_scores(crm)


def test_customers_that_are_not_there_are_touched_without_an_error(crm):
    missing = "'00000000-0000-4000-8000-0000000000ff'"
    run(crm, f"select touch_lead_scores(array[{missing}]::uuid[])")
    run(crm, f"select touch_lead_scores(array['{ADA}', '{ADA}', {missing}, null]::uuid[])")


DEFERRED = f"""
    create function refuse_later() returns trigger language plpgsql as $$
    begin
        if exists (select from customers where id = '{ADA}' and id = new.id and full_name is null) then
            raise exception 'no name';
        end if;
        return null;
    end $$;
    create constraint trigger refuse_later after update on customers
    deferrable initially deferred for each row execute function refuse_later();
"""


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
def test_a_deferred_constraint_trigger_refuses_no_order(crm, write):
    run(crm, DEFERRED)
    run(crm, write)
    assert (ADA, "40002") in queued(crm)
    assert run(crm, "select failed, waiting from score_queued_customers()") == [(1, 0)]
    assert queued(crm) == [(ADA, "P0001")]
    run(crm, "drop trigger refuse_later on customers")
    assert_true_scores(crm)


def test_a_deferred_constraint_of_the_orders_own_transaction_stays_deferred(crm):
    run(crm, DEFERRED)
    run(crm, f"update customers set email = 'a' where id = '{ADA}'; {ORDER}; {EDIT}")
    assert_true_scores(crm)


@pytest.mark.parametrize("write", [ORDER, BULK], ids=["one", "bulk"])
def test_a_notice_of_a_trigger_on_customers_is_not_shown_to_who_orders(crm, write):
    run(
        crm, answering("raise notice '%', new.email; raise warning '%', new.email", "before update")
    )
    seen = []
    with session(crm, autocommit=True) as sale:
        sale.add_notice_handler(lambda message: seen.append(message.message_primary))
        sale.execute("set client_min_messages = debug1")
        sale.execute(write)
        sale.execute(f"select score_customers(array['{ADA}']::uuid[])")
        assert "ada@example.com" not in seen
        assert sale.execute("show client_min_messages").fetchall() == [("debug1",)]
