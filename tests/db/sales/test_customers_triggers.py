"""Triggers and constraints on customers refuse no order."""

import pytest

from rfm import db
from tests.db.sales.shop import ADA, BULK, ORDER, queued, raising
from tests.support import assert_true_scores, run

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
