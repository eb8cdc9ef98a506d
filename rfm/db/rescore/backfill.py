"""Scoring again whoever is out of date, and nobody else."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from threading import Event, Lock
from typing import Any

import polars as pl
import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from rfm.db.connect import engine_of, run_script
from rfm.db.models.stored import read_active_model
from rfm.db.reads.reader import Reader, ReaderError, open_reader
from rfm.db.reads.totals import KeyRange, key_ranges, read_clock, read_totals
from rfm.db.rescore.pace import Pace, check_replicas_are_seen, give_way
from rfm.db.schema.required import CUSTOMERS, require_migration
from rfm.db.sql import run
from rfm.errors import BackfillStopped
from rfm.segments.moves import Moves, count_moves
from rfm.stored import AHEAD, REASONS, out_of_date


@dataclass(slots=True)
class Backfill:
    """What a backfill has done so far, or in the end.

    customers: how many there were when it began.
    looked_at: of how many the stored scores were compared.
    rescored: how many were out of date and scored again.
    reasons: how many of these for which reason: `unscored`, `model` (scored with another one),
        `drifted` (not what the orders give), `aged` (time has passed).
    moves: how many of these went from which category to which, or stayed in theirs.
    seconds: how long it took.
    finished: whether it came to the end.
    """

    customers: int = 0
    looked_at: int = 0
    rescored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    moves: Moves = field(default_factory=Counter)
    seconds: float = 0.0
    finished: bool = False

    @property
    def changed(self) -> int:
        """How many are in another category than before."""
        return sum(number for (before, after), number in self.moves.items() if before != after)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for `json.dumps`; the moves by the category before, then after.

        >>> Backfill(moves=Counter({("Warm", "Hot"): 2})).to_dict()["moves"]
        {'Warm': {'Hot': 2}}
        """
        moves: dict[str, dict[str, int]] = {}
        for (before, after), number in sorted(self.moves.items()):
            moves.setdefault(before, {})[after] = number
        reasons = {reason: self.reasons[reason] for reason in REASONS}
        told = asdict(self) | {"reasons": reasons, "moves": moves, "changed": self.changed}
        return told | {"seconds": round(self.seconds, 3)}


def backfill(
    database: Engine | str,
    pace: Pace | None = None,
    on_progress: Callable[[Backfill], None] | None = None,
) -> Backfill:
    """Find who is out of date, let the trigger score exactly these again, and tell what changed.

    Out of date is whoever was never scored, was scored with another model, has drifted, or has
    aged: whom the trigger would give other scores now. It is found by Polars, from one row per
    customer, 100,000 at a time; scores computed here are never written. The others are not touched
    and keep their `last_scored_at`, so a second run finds nothing to do, and one that was killed is
    taken up by the next. Waits first for the transactions that are writing customers, perhaps with
    the model before the active one; so run it after a change of the model, not beside it.

    pace: batches (each a short transaction that locks its customers in the order of their ids, as
        the triggers on orders do), workers, and how to give way to others.
    on_progress: called after each batch and each range, one call at a time, with what was done.

    A batch that loses a deadlock, cannot be serialized or does not get a lock in time is tried six
    times. Raises `BackfillStopped`, with what was done so far, for every other error of the
    database, and where the trigger that scores does not run; `InvalidArgument` where replicas
    should be watched, and the role may not see them.

    >>> from rfm.testing import example_engine
    >>> done = backfill(example_engine())
    >>> done.looked_at, done.rescored
    (3, 0)
    """
    run = _Run(engine_of(database), Pace() if pace is None else pace, on_progress or _look_away)
    with run.told(), ThreadPoolExecutor(run.pace.workers) as pool:
        try:
            ranges = iter(run.prepare())  # of a list: may be asked by several threads
            workers = [pool.submit(run.work, ranges) for _ in range(run.pace.workers)]
            for worker in as_completed(workers):
                worker.result()
        except BaseException:  # also an interrupt: no worker begins another batch
            run.stop.set()
            raise
    return run.done


def _look_away(_: Backfill) -> None:
    pass


class _Run:
    """One backfill, as its workers share it."""

    def __init__(self, engine: Engine, pace: Pace, on_progress: Callable[[Backfill], None]) -> None:
        # read committed, whatever the database's default: a touch waits for rows, and never fails
        self.engine = engine.execution_options(isolation_level="READ COMMITTED")
        self.pace = pace
        self.on_progress = on_progress
        self.done = Backfill()
        self.stop = Event()
        self.lock = Lock()

    def prepare(self) -> list[KeyRange]:
        """Make sure that touching will score, and cut the customers into ranges."""
        with self.engine.connect() as connection:
            require_migration(connection, CUSTOMERS)
            _refuse_without_trigger(connection)
            if self.pace.watches_replicas:
                check_replicas_are_seen(connection)
            run_script(connection, "select public.wait_for_lead_score_writers()")
            connection.commit()
            ranges = key_ranges(connection, self.pace.range_size)
        self.done.customers = sum(keys.customers for keys in ranges)
        return ranges

    @contextmanager
    def told(self) -> Iterator[None]:
        """Keep the time, and say what was done when the database refuses to go on."""
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

    def work(self, ranges: Iterator[KeyRange]) -> None:
        """Go through ranges until none is left."""
        with self.engine.connect() as connection, open_reader(connection) as reader:
            while (keys := next(ranges, None)) and not self.stop.is_set():
                self.go_through(keys, connection, reader)

    def go_through(self, keys: KeyRange, connection: Connection, reader: Reader) -> None:
        """Score again who is out of date in a range."""
        found = _find(connection, reader, keys)
        self.tell(keys.customers - found.height)
        for batch in found.iter_slices(self.pace.batch):
            if self.stop.is_set():
                return
            after = self.patiently(partial(_touch, connection, batch, self.pace))
            self.tell(batch.height, after)
            give_way(connection, self.pace, self.stop)

    def patiently(self, work: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Do a batch's work, again where somebody stood in its way."""
        # tenacity: made for this, and it draws the waits at random, so that two do not meet again
        again = Retrying(
            retry=retry_if_exception_type(_IN_THE_WAY),
            stop=stop_after_attempt(6),
            wait=wait_random_exponential(0.1, max=5),
            sleep=self.rest,
            reraise=True,
        )
        return again(work)

    def rest(self, seconds: float) -> None:
        """Wait, but no longer than until told to stop."""
        self.stop.wait(seconds)

    def tell(self, looked_at: int, rescored: pl.DataFrame | None = None) -> None:
        with self.lock:
            self.done.looked_at += looked_at
            if rescored is not None:
                self.done.rescored += rescored.height
                self.done.reasons.update(rescored["reason"].to_list())
                self.done.moves += count_moves(rescored["lead_score"], rescored["lead_score_after"])
            self.on_progress(self.done)


_IN_THE_WAY = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)


def _refuse_without_trigger(connection: Connection) -> None:
    [trigger] = run(connection, "internal/rescore/scoring_trigger")
    if not trigger.enabled:
        raise BackfillStopped(
            "the trigger calculate_customer_lead_score on the customers is missing or disabled, "
            "so nobody would be scored; nothing was changed, see rfm db status",
            Backfill(),
        )


def _find(connection: Connection, reader: Reader, keys: KeyRange) -> pl.DataFrame:
    with connection.begin():
        (model, since), now = read_active_model(connection), read_clock(connection)
    totals = read_totals(reader, keys, now + AHEAD)
    # neighbours together; the server locks each batch in the order of the keys themselves
    return out_of_date(totals, model, since, now).sort("customer_id")


def _touch(connection: Connection, batch: pl.DataFrame, pace: Pace) -> pl.DataFrame:
    """Let the trigger score these again; return them with `lead_score_after`, less the deleted."""
    ids = batch["customer_id"].to_list()
    timeout = f"{pace.lock_timeout * 1000:.0f}ms"
    with connection.begin():
        run(connection, "internal/rescore/touch", ids=ids, lock_timeout=timeout)
        after = run(connection, "internal/rescore/lead_scores", ids=ids).fetchall()
    scores = pl.DataFrame(
        after, schema={"customer_id": pl.String, "lead_score_after": pl.Int32}, orient="row"
    )
    return batch.join(scores, on="customer_id")
