"""Scoring again everybody who is out of date, and nobody else."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Event, Lock
from types import NoneType

import polars as pl
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of, run_script
from rfm.db.reads.reader import Reader, ReaderError, open_reader
from rfm.db.reads.totals import KeyRange, key_ranges
from rfm.db.rescore.batch import find_out_of_date, rescore
from rfm.db.rescore.pace import Pace, check_replicas_are_seen, give_way
from rfm.db.rescore.progress import Backfill
from rfm.db.rescore.queue import score_queue, waiting
from rfm.db.schema.required import CUSTOMERS, require_migration
from rfm.db.sql import run
from rfm.errors import BackfillStopped


def backfill(
    database: Engine | str,
    pace: Pace | None = None,
    on_progress: Callable[[Backfill], None] | None = None,
) -> Backfill:
    """Find everybody who is out of date, let the trigger score them again, and count the changes.

    A customer is out of date who was never scored, was scored with another model, has drifted, or
    has aged: the trigger would give them other scores now. Polars finds them, from one row per
    customer, 100,000 at a time; scores computed here are never written. The others are not touched
    and keep their `last_scored_at`. So a second run finds nothing to do, and the next run continues
    one that was killed. It first waits for the transactions that are writing customers, perhaps
    with the model before the active one; so run it after a change of the model, not beside it.

    pace: batches (each a short transaction that waits for no lock), workers, and how to give way
        to others.
    on_progress: called after each batch and each range, one call at a time, with what was done.

    A customer that cannot be scored (another session has locked the row, or a constraint or a
    trigger of the CRM refuses it) stops nobody else: it waits in `lead_score_queue`. At the end
    the queue is emptied, and what stays in it is in `waiting`. Raises `BackfillStopped`, with what
    was done so far, where the database cannot go on, and where the trigger that scores does not
    run; `InvalidArgument` where replicas should be watched, and the role may not see them.

    >>> from rfm.testing import example_engine
    >>> done = backfill(example_engine())
    >>> done.looked_at, done.rescored
    (3, 0)
    """
    check_type(pace, (Pace, NoneType), "an rfm.db.Pace, or nothing")
    work = _Run(engine_of(database), pace or Pace(), on_progress or _ignore)
    with work.measured(), ThreadPoolExecutor(work.pace.workers) as pool:
        try:
            ranges = iter(work.prepare())  # of a list: several threads may ask for the next
            workers = [pool.submit(work.go_through, ranges) for _ in range(work.pace.workers)]
            for worker in as_completed(workers):
                worker.result()
            work.empty_queue()
        except BaseException:  # also an interrupt: no worker begins another batch
            work.stop.set()
            raise
    return work.done


def _ignore(_: Backfill) -> None:
    pass


class _Run:
    """One backfill, as its workers share it."""

    def __init__(self, engine: Engine, pace: Pace, on_progress: Callable[[Backfill], None]) -> None:
        # read committed, whatever the database's default: an old snapshot misses newer orders
        self.engine = engine.execution_options(isolation_level="READ COMMITTED")
        self.pace = pace
        self.on_progress = on_progress
        self.done = Backfill()
        self.stop = Event()
        self.lock = Lock()

    def prepare(self) -> list[KeyRange]:
        """Check that touching customers will score them, and cut the customers into ranges."""
        with self.engine.connect() as connection:
            require_migration(connection, CUSTOMERS)
            _require_trigger(connection)
            if self.pace.watches_replicas:
                check_replicas_are_seen(connection)
            run_script(connection, "select public.wait_for_lead_score_writers(interval '1 minute')")
            connection.commit()
            ranges = key_ranges(connection, self.pace.range_size)
        self.done.customers = sum(keys.customers for keys in ranges)
        return ranges

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the time; an error of the database becomes one that has what was done."""
        started = time.monotonic()
        try:
            yield
            self.done.finished = True
        except (DBAPIError, psycopg.Error, ReaderError) as error:
            raise BackfillStopped(
                f"the database says: {str(getattr(error, 'orig', error)).strip()}; "
                f"{self.done.looked_at:,} of {self.done.customers:,} customers were looked at and "
                f"{self.done.rescored:,} scored again, which stays so; run it again to go on",
                self.done,
            ) from error
        finally:
            self.done.seconds = time.monotonic() - started

    def go_through(self, ranges: Iterator[KeyRange]) -> None:
        """Take one range after the other until none is left."""
        with self.engine.connect() as connection, open_reader(connection) as reader:
            while (keys := next(ranges, None)) and not self.stop.is_set():
                self.rescore_range(keys, connection, reader)

    def rescore_range(self, keys: KeyRange, connection: Connection, reader: Reader) -> None:
        found = find_out_of_date(connection, reader, keys)
        self.report(keys.customers - found.height)
        for batch in found.iter_slices(self.pace.batch):
            if self.stop.is_set():
                return
            self.report(batch.height, rescore(connection, batch))
            give_way(connection, self.pace, self.stop)

    def empty_queue(self) -> None:
        with self.engine.connect() as connection:
            self.done.from_queue = score_queue(connection, self.pace.lock_timeout, self.sleep)
            self.done.waiting = waiting(connection)

    def sleep(self, seconds: float) -> None:
        """Wait, but end at once when another worker has failed."""
        self.stop.wait(seconds)

    def report(self, looked_at: int, rescored: pl.DataFrame | None = None) -> None:
        with self.lock:
            self.done.looked_at += looked_at
            if rescored is not None:
                self.done.add_rescored(rescored)
            self.on_progress(self.done)


def _require_trigger(connection: Connection) -> None:
    [trigger] = run(connection, "internal/rescore/scoring_trigger")
    if not trigger.enabled:
        raise BackfillStopped(
            "the trigger calculate_customer_lead_score on the customers is missing or disabled, "
            "so nobody would be scored; nothing was changed, see `rfm.db.status`",
            Backfill(),
        )
