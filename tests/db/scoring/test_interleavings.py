"""Every interleaving of two transactions over two customers ends without drift.

Two sessions do one thing each, in two steps (do it; commit). Every order of the four steps is run, at
every isolation level; a step that has to wait for the other session does so in its own thread.
"""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from rfm.testing import assert_scores_match, temporary_database
from tests.support import drift, session

A = "00000000-0000-4000-8000-00000000000a"
B = "00000000-0000-4000-8000-00000000000b"
TOUCH = "update customers set last_scored_at = last_scored_at"

# what a session does: statements; None is a commit of its own in between
OPERATIONS: dict[str, list[str | None]] = {
    "insert": [f"insert into orders (customer_id, total_cents) values ('{A}', 7000), ('{B}', 100)"],
    "update": ["update orders set total_cents = total_cents + 30000"],
    "delete": [f"delete from orders where customer_id = '{A}'"],
    "move": [f"update orders set customer_id = '{B}' where customer_id = '{A}'"],
    "edit": [f"update customers set full_name = 'Ada' where id = '{A}'"],
    "touch": [TOUCH],
    # scored by its order, after a snapshot that may be older than the active model
    "new customer": [
        "insert into customers (email) values ('new@example.com')",
        "insert into orders (customer_id) select id from customers where email = 'new@example.com'",
    ],
    "new model": [
        "select activate_lead_score_model(2)",
        None,
        "select wait_for_lead_score_writers()",
        None,
        TOUCH,
    ],
}
ORDERS = sorted(set(itertools.permutations([0, 0, 1, 1])))
PAIRS = list(itertools.combinations_with_replacement(OPERATIONS, 2))
LEVELS = [
    psycopg.IsolationLevel.READ_COMMITTED,
    psycopg.IsolationLevel.REPEATABLE_READ,
    psycopg.IsolationLevel.SERIALIZABLE,
]


class Session:
    """A connection whose steps run in a thread of its own, one after the other."""

    def __init__(self, dsn, level, operation):
        self.connection = psycopg.connect(dsn)
        self.connection.isolation_level = level
        self.statements = OPERATIONS[operation]
        self.thread = ThreadPoolExecutor(1)

    def begin(self):
        # a snapshot from before anything happens, for the levels that keep it
        self.connection.execute("select 1 from customers")
        self.steps = iter([self.work, self.connection.commit])
        self.taken = []

    def work(self):
        for statement in self.statements:
            if statement is None:
                self.connection.commit()
            else:
                self.connection.execute(statement)

    def take_step(self, watcher):
        """Start the next step; return when it is done, or waits for the other session."""
        self.taken.append(self.thread.submit(next(self.steps)))
        pid = self.connection.info.backend_pid
        while not self.taken[-1].done() and not waits(watcher, pid):
            time.sleep(0.001)

    def finish(self):
        """Wait for every step; what failed to serialize is tried once more, alone."""
        errors = [error for step in self.taken if (error := step.exception(timeout=20))]
        assert all(isinstance(error, psycopg.errors.SerializationFailure) for error in errors), (
            errors
        )
        self.connection.rollback()
        return bool(errors)

    def close(self):
        self.connection.close()
        self.thread.shutdown()


def waits(watcher, pid):
    row = watcher.execute(
        """
        select cardinality(pg_blocking_pids(a.pid)) > 0 or a.wait_event = 'PgSleep'
        from pg_stat_activity as a where a.pid = %s
        """,
        [pid],
    ).fetchone()
    return bool(row and row[0])


@pytest.fixture(params=LEVELS, ids=lambda level: level.name.lower())
def level(request):
    return request.param


@pytest.fixture(scope="module")
def engine(rfm_template):
    """One database for all: each interleaving starts with everything emptied."""
    with temporary_database(rfm_template) as engine:
        yield engine


@pytest.fixture(scope="module")
def watcher(engine):
    with session(engine, autocommit=True) as connection:
        connection.execute(
            "insert into lead_score_models (recency, frequency, monetary, weights)"
            " values ('{20,10}', '{1,2,3,4}', '{10,20,30,40}', '{1,1,4}')"
        )
        yield connection


def start_afresh(watcher):
    watcher.execute(
        f"""
        truncate customers, orders, messages, deals, lead_score_queue;
        select activate_lead_score_model(1);
        insert into customers (id) values ('{A}'), ('{B}');
        insert into orders (customer_id, total_cents) values ('{A}', 4000), ('{B}', 20000);
        """
    )


@pytest.fixture
def sessions(watcher, level, pair):
    both = [Session(watcher.info.dsn, level, operation) for operation in pair]
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_no_interleaving_leaves_drift(engine, watcher, sessions):
    for order in ORDERS:
        start_afresh(watcher)
        for one in sessions:
            one.begin()
        for number in order:
            sessions[number].take_step(watcher)
        for one in [one for one in sessions if one.finish()]:
            one.work()
            one.connection.commit()
        watcher.execute("select score_queued_customers()")
        assert watcher.execute("select * from lead_score_queue").fetchall() == [], order
        assert drift(engine) == [], order
    assert_scores_match(engine)
