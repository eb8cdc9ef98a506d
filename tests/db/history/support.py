"""What the tests of the history share: orders of a customer, events, batches of a consumer."""

from contextlib import contextmanager

from tests.support import run, session


def key(number):
    return f"00000000-0000-4000-8000-00000000000{number}"


ORDER = "insert into orders (customer_id, total_cents) values (%s, 5000)"


def order(engine, number, cents=5000, age="0"):
    run(
        engine,
        "insert into orders (customer_id, total_cents, created_at)"
        f" values ('{key(number)}', {cents}, now() - interval '{age}')",
    )


def recorded_events(engine):
    """Return customer, cause, score before and after of each event, in their order."""
    rows = run(
        engine,
        "select customer_id, cause, old_score, new_score from lead_score_history order by event_id",
    )
    return [(int(str(customer)[-1]), *rest) for customer, *rest in rows]


@contextmanager
def worker(engine, consumer="crm"):
    """Open a session of a consumer that takes batches."""
    with session(engine, autocommit=True) as connection:
        yield Worker(connection, consumer)


class Worker:
    def __init__(self, connection, consumer):
        self.connection = connection
        self.consumer = consumer

    def next(self, size=1000):
        rows = self.connection.execute(
            "select event_id, customer_id from lead_score_events_next(%s, %s)",
            [self.consumer, size],
        ).fetchall()
        return [(event, int(str(customer)[-1])) for event, customer in rows]

    def done(self):
        self.connection.execute("select lead_score_events_done(%s)", [self.consumer])

    def take(self, size=1000):
        """Take a batch and say that it is done; return the customers of its events."""
        batch = self.next(size)
        self.done()
        return [customer for _, customer in batch]
