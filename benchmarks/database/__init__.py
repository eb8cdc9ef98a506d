"""What scoring costs in a database of a million customers, with ten orders each.

Three copies of it: with our triggers, with the guide's, and without any.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.database.bulk import BULK, BULK_WITH_BAD_ROWS
from benchmarks.database.everybody import EVERYBODY, NOTHING_TO_DO
from benchmarks.database.order import ONE_TRANSACTION, ORDER
from benchmarks.database.reading import READING
from benchmarks.server import make_databases, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench

BENCHES = (ORDER, ONE_TRANSACTION, BULK, BULK_WITH_BAD_ROWS, EVERYBODY, NOTHING_TO_DO, READING)
ORDERS_EACH = 10

_FILL = """
-- created again at the end: faster than a check of each row
alter table public.orders drop constraint orders_customer_id_fkey;
drop index public.idx_orders_customer_id;

insert into public.customers (email, full_name)
select 'customer-' || n || '@example.com', 'Customer ' || n
from generate_series(1, {customers}) as n;

create temporary table numbered on commit drop as
select row_number() over () as n, id from public.customers;
create unique index on numbered (n);
analyze numbered;

-- the first customers buy most, as they do
select setseed(0.5);
insert into public.orders (customer_id, status, total_cents, currency, event_name, created_at)
select
    c.id,
    case when random() < 0.03 then 'refunded' else 'paid' end,
    (random() * 20000)::bigint,
    'USD',
    'fair',
    now() - random() * interval '700 days'
from (
    select 1 + floor(random() * random() * {customers})::bigint as n
    from generate_series(1, {orders})
) as o
inner join numbered as c on c.n = o.n;

create index idx_orders_customer_id on public.orders (customer_id);
alter table public.orders add constraint orders_customer_id_fkey
foreign key (customer_id) references public.customers (id) on delete cascade;
"""


@contextmanager
def scene(benches: Sequence[Bench]) -> Iterator[dict[str, str]]:
    """Start the server and fill the databases, with as many customers as the largest trial."""
    customers = max(trial.size for bench in benches for trial in bench.trials.values())
    facts = start()
    make_databases(_FILL.format(customers=customers, orders=customers * ORDERS_EACH))
    yield facts
