"""What many orders of one customer cost.

The database is small, so that only the customer's own history matters: a thousand customers with
ten orders each, and one customer for each length of history among the trials.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.one_customer.at_once import ONE_CUSTOMER
from benchmarks.one_customer.history import HISTORY
from benchmarks.one_customer.hot import HOT_CUSTOMER
from benchmarks.server import make_databases, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench

BENCHES = (ONE_CUSTOMER, HOT_CUSTOMER, HISTORY)

_FILL: Final = """
insert into public.customers (email, full_name)
select 'customer-' || n || '@example.com', 'Customer ' || n
from generate_series(1, 1000) as n;

insert into public.orders (customer_id, status, total_cents, currency, event_name, created_at)
select c.id, 'paid', n * 500, 'USD', 'fair', now() - n * interval '30 days'
from public.customers as c cross join generate_series(1, 10) as n;

insert into public.customers (email, full_name)
select 'history-' || length || '@example.com', 'Walk-in ' || length
from unnest('{{{lengths}}}'::integer[]) as length;

insert into public.orders (customer_id, status, total_cents, currency, event_name, created_at)
select c.id, 'paid', 1000 + n % 5000, 'USD', 'fair', now() - n * interval '1 minute'
from unnest('{{{lengths}}}'::integer[]) as length
inner join public.customers as c on c.email = 'history-' || length || '@example.com'
cross join generate_series(1, length) as n;
"""


@contextmanager
def scene(benches: Sequence[Bench]) -> Iterator[dict[str, str]]:
    """Start the server and fill the databases, with a customer for each length of history."""
    histories = [bench for bench in benches if bench.name == HISTORY.name]
    lengths = sorted({trial.size for bench in histories for trial in bench.trials.values()})
    facts = start()
    make_databases(_FILL.format(lengths=",".join(map(str, lengths))))
    yield facts
