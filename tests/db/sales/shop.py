"""A CRM with twenty customers, for the tests of orders that must not fail."""

import psycopg

from tests.support import run

CUSTOMERS = 20
ADA = "00000000-0000-4000-8000-00000000000a"
ORDER = f"insert into orders (customer_id, total_cents) values ('{ADA}', 7000)"
BULK = "insert into orders (customer_id, total_cents) select id, 7000 from customers"
EDIT = f"update customers set full_name = 'Ada' where id = '{ADA}'"
LEVELS = list(psycopg.IsolationLevel)

FILL = f"""
insert into customers (id, email) values ('{ADA}', 'ada@example.com');
insert into customers (email) select n::text from generate_series(2, {CUSTOMERS}) as n;
"""
CREDIT_CHECK = """
create function check_credit() returns trigger language plpgsql as $$
begin
    perform from customers where id = new.customer_id for share;
    return new;
end $$;
create trigger check_credit before insert on orders for each row execute function check_credit();
"""


def raising(when="true", how="raise exception 'the secret of %', new.email"):
    """Return a trigger on customers that fails for some of them."""
    return f"""
        create function refuse() returns trigger language plpgsql as $$
        begin
            if {when} then {how}; end if;
            return new;
        end $$;
        create trigger refuse before update on customers for each row execute function refuse();
    """


def queued(engine):
    return run(engine, "select customer_id::text, sqlstate from lead_score_queue order by 1")
