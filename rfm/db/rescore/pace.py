"""How fast a backfill may go, and how it gives way to other sessions."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from threading import Event

from sqlalchemy import Connection

from rfm._check.wording import problems
from rfm.db.connect import run_script
from rfm.db.reads.totals import RANGE_SIZE
from rfm.db.sql import run
from rfm.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a backfill may go. Raises `InvalidArgument` for numbers that make no sense.

    workers: how many go through the customers at the same time, each in ranges of its own.
    batch: customers that one transaction scores again; whoever writes them waits for its end.
    pause: seconds that a worker rests after each batch.
    max_lag: seconds that the slowest replica may lag behind (`replay_lag`) before the next batch;
        as PostgreSQL measures it, which a replica that stands still does not change.
    max_lag_bytes: the same in bytes of the log that are not replayed yet, always up to date.
    lock_timeout: seconds, at the end, in which customers that others have locked are tried again.
    range_size: customers that a worker reads at once; some hundred bytes each.

    >>> Pace(batch=0)
    Traceback (most recent call last):
    rfm.errors.InvalidArgument: 1 problem: `batch` is 0, not at least 1
    """

    workers: int = 2
    batch: int = 1000
    pause: float = 0.0
    max_lag: float | None = None
    max_lag_bytes: int | None = None
    lock_timeout: float = 5.0
    range_size: int = RANGE_SIZE

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        wrong = [*self._too_small()]
        if wrong:
            raise InvalidArgument(problems(wrong))

    def _too_small(self) -> Iterator[str]:
        # a lock timeout of 0 would be none
        least = {"workers": 1, "batch": 1, "lock_timeout": 0.001, "range_size": 1}
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not value >= least.get(one.name, 0):
                yield f"`{one.name}` is {value}, not at least {least.get(one.name, 0)}"

    @property
    def watches_replicas(self) -> bool:
        """True if the lag of replicas matters."""
        return (self.max_lag, self.max_lag_bytes) != (None, None)


def check_replicas_are_seen(connection: Connection) -> None:
    """Raise `InvalidArgument` where the role is not shown how far the replicas are."""
    [(seen,)] = run_script(connection, "select pg_has_role('pg_read_all_stats', 'usage')")
    if not seen:
        raise InvalidArgument(
            "the role may not see how far the replicas lag behind; grant pg_monitor to it, "
            "or pause between the batches instead"
        )


def give_way(connection: Connection, pace: Pace, stop: Event) -> None:
    """Pause after a batch, then wait until the replicas have caught up, or until `stop` is set."""
    stop.wait(pace.pause)
    while pace.watches_replicas and lags(connection, pace) and not stop.is_set():
        stop.wait(0.2)


def lags(connection: Connection, pace: Pace) -> bool:
    """Return whether a replica is further behind than the pace allows."""
    with connection.begin():
        [lag] = run(connection, "internal/rescore/replica_lag")
    seconds, behind = pace.max_lag, pace.max_lag_bytes
    return (seconds is not None and lag.seconds > seconds) or (
        behind is not None and lag.bytes > behind
    )
