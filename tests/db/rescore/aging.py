"""A CRM with three hundred customers, two orders each, whose scores age."""

from tests.support import past_triggers

CALL = "call rescore_stale_customers()"
ADA = "00000000-0000-4000-8000-00000000000a"

THREE_HUNDRED = f"""
insert into customers (id, email) values ('{ADA}', 'ada@example.com');
insert into customers (email) select n::text from generate_series(1, 299) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 7000, now() - n * interval '29 days'
from customers as c cross join generate_series(1, 2) as n;
"""


def let_pass(engine, time):
    past_triggers(
        engine,
        f"""
        update orders set created_at = created_at - interval '{time}';
        update customers set last_scored_at = last_scored_at - interval '{time}';
        update lead_score_rescoring set done_until = done_until - interval '{time}';
        """,
    )
