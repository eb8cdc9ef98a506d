"""Switching the history on and off, what state it is in, and deleting what is old."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.mapping.record import mapping_of
from rfm.db.schema.apply import apply
from rfm.db.schema.required import HISTORY, require_migration
from rfm.db.schema.rollback import undo
from rfm.db.schema.status import State, read_status
from rfm.db.sql import run
from rfm.errors import InvalidArgument

_BATCH = 1000  # customers in one short transaction


@dataclass(frozen=True, slots=True)
class Consumer:
    """A program that follows the events.

    active_at: when it last asked for events, to some seconds.
    has_open_batch: whether it has events that it has not said to be done.
    behind: how many events are left for it, at most: numbers without an event count.
    """

    name: str
    active_at: datetime
    has_open_batch: bool
    behind: int


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """The state of the history.

    recorded_since: every change after this instant is recorded; None: the history is not enabled.
    events: PostgreSQL's own estimate of their number.
    size: bytes on the disk, with the indexes.
    notifies: whether each new event is signalled on the channel `lead_score_events`.
    """

    recorded_since: datetime | None = None
    events: int = 0
    size: int = 0
    notifies: bool = False
    consumers: tuple[Consumer, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything for `json.dumps`, with instants as ISO 8601 text.

        >>> HistoryStatus().to_dict()["recorded_since"] is None
        True
        """
        since = self.recorded_since
        return asdict(self) | {
            "recorded_since": since and since.isoformat(),
            "consumers": [
                asdict(one) | {"active_at": one.active_at.isoformat()} for one in self.consumers
            ],
        }


def enable_history(
    database: Engine | str, *, baseline: bool = False, notify: bool | None = None
) -> int:
    """Record each change of a score from now on; return how many first events were written.

    baseline: also write one event for each customer who has a score and no event, a thousand in
        one short transaction. Without it, the first event of a customer is the next change.
    notify: signal each event with NOTIFY, or no longer; None leaves it as it is, which is off at
        first. Commits with a signal wait for each other.

    A second call does no harm. Also applies what other migrations are pending. Raises
    `SchemaOutdated` where the lead scoring is missing, and what `apply` raises.

    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     enable_history(engine, baseline=True), enable_history(engine, baseline=True)
    (3, 0)
    """
    engine = engine_of(database)
    with engine.connect() as connection:
        require_migration(connection)
    apply(engine, also=[HISTORY])
    if notify is not None:
        with engine.begin() as connection:
            run(connection, f"internal/history/notify_{'on' if notify else 'off'}")
    return _write_baseline(engine) if baseline else 0


def _write_baseline(engine: Engine) -> int:
    written: int = 0
    last: str | None = None
    while True:
        with engine.begin() as connection:
            [row] = run(connection, "internal/history/baseline", after=last, batch=_BATCH)
        written += int(row.recorded)
        last = row.last
        if last is None:
            return written


def disable_history(database: Engine | str) -> bool:
    """Stop recording and delete the history; return whether there was one.

    The scores stay. Raises what `rollback` raises.

    >>> from rfm.testing import example_engine
    >>> disable_history(example_engine())
    False
    """
    return bool(undo(engine_of(database), [HISTORY]))


def history_status(database: Engine | str) -> HistoryStatus:
    """Return since when the history is recorded, how large it is, and who follows it.

    >>> from rfm.testing import example_engine
    >>> history_status(example_engine()).recorded_since is None
    True
    """
    with engine_of(database).connect() as connection:
        statuses = read_status(connection, mapping_of(connection))
        if any(one.state is State.NOT_ENABLED for one in statuses if one.migration.name == HISTORY):
            return HistoryStatus()
        require_migration(connection, HISTORY)
        [state] = run(connection, "internal/history/state")
        consumers = run(connection, "internal/history/consumers")
        return HistoryStatus(
            state.recorded_since,
            state.events,
            state.bytes,
            state.notifies,
            tuple(Consumer(*row) for row in consumers),
        )


def prune_history(database: Engine | str, days: int) -> int:
    """Delete the events that are older than some days, and return how many.

    Ten thousand at a time, each in a short transaction, oldest first; it stops before the first
    event that a consumer has not done. Raises `InvalidArgument` for less than one day.

    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     _ = enable_history(engine, baseline=True)
    ...     prune_history(engine, days=365)
    0
    """
    check_type(days, int, "a number of days")
    if days < 1:
        raise InvalidArgument(f"`days` is {days}, not at least 1")
    engine = engine_of(database)
    pruned, more = 0, True
    with engine.connect() as connection:
        require_migration(connection, HISTORY)
        while more:
            connection.commit()
            [row] = run(connection, "internal/history/prune", days=days)
            pruned, more = pruned + row.pruned, row.more
        connection.commit()
    return pruned
