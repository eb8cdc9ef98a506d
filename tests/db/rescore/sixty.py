"""A CRM with sixty customers, for the tests of rescoring."""

from tests.support import run

CUSTOMERS = 60

FILL = f"""
insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 2500 * k, now() - (7 * c.email::int + k) * interval '1 day'
from customers c cross join generate_series(1, 4) as k where c.email::int % 3 > 0 and k <= c.email::int % 5;
"""


def scored_at(engine):
    return dict(run(engine, "select email, last_scored_at::text from customers"))
