"""Following the events: batches in the CloudEvents envelope, each until it is done."""

import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of
from rfm.db.schema.required import HISTORY, require_migration
from rfm.db.sql import run
from rfm.errors import ConsumerBusy, InvalidArgument

EVENT_TYPE: Final = "rfm.score.changed.v1"
_SCORES: Final = ("recency", "frequency", "monetary", "score", "category", "segment")

Event = dict[str, Any]
"""An event in the envelope of CloudEvents 1.0, ready for `json.dumps`."""


def events(
    database: Engine | str, consumer: str, *, batch_size: int = 1000, wait: float | None = None
) -> Iterator[list[Event]]:
    """Iterate over the batches of events that a consumer has not done yet.

    consumer: a name for the program that follows. A new name begins with the oldest event.
    batch_size: the most events of one batch.
    wait: seconds between two questions where there is nothing new; None: end there.

    A batch is done when the next one is asked for. A loop that ends before, by an error, `break` or
    the end of the process, gets the same batch again: each event comes at least once, those of one
    customer in their order. So do things by the event's `id`, twice without harm.

    Uses one connection for as long as it runs, and leaves no transaction open while the caller
    works. Raises `ConsumerBusy` while another session has a batch of this consumer.

    >>> from rfm.testing import example_engine, temporary_database
    >>> from rfm.db.history.enable import enable_history
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     _ = enable_history(engine, baseline=True)
    ...     for batch in events(engine, "crm", batch_size=2):
    ...         print([event["data"]["new"]["category"] for event in batch])
    ['Hot', 'Hot']
    ['Cold']
    """
    if not consumer or batch_size < 1:
        raise InvalidArgument("a consumer has a name, and `batch_size` is at least 1")
    return _batches(engine_of(database), consumer, batch_size, wait)


def _batches(
    engine: Engine, consumer: str, batch_size: int, wait: float | None
) -> Iterator[list[Event]]:
    with engine.connect() as connection:
        require_migration(connection, HISTORY)
        connection.commit()
        while True:
            batch = _next(connection, consumer, batch_size)
            if batch:
                yield batch
                _finish(connection, consumer)
            elif wait is None:
                return
            else:
                time.sleep(wait)


def _next(connection: Connection, consumer: str, batch_size: int) -> list[Event]:
    source = f"/rfm/{connection.engine.url.database}"
    try:
        with connection.begin():
            rows = run(
                connection,
                "internal/history/next_events",
                consumer=consumer,
                batch_size=batch_size,
            )
            return [envelope(row, source) for row in rows]
    except psycopg.errors.LockNotAvailable as error:
        raise ConsumerBusy(f"{error.diag.message_primary}; {error.diag.message_hint}") from error


def _finish(connection: Connection, consumer: str) -> None:
    try:
        with connection.begin():
            run(connection, "internal/history/events_done", consumer=consumer)
    except psycopg.errors.LockNotAvailable as error:
        raise ConsumerBusy(f"{error.diag.message_primary}; {error.diag.message_hint}") from error


def envelope(row: Any, source: str) -> Event:  # noqa: ANN401 - a named tuple of psycopg
    """Return one event of the log as CloudEvents 1.0 has it.

    Its `id` is the number of the event and its transaction: after a restore, numbers come again.
    """
    return {
        "specversion": "1.0",
        "id": f"{row.event_id}.{row.xid}",
        "source": source,
        "type": EVENT_TYPE,
        "subject": row.customer_id,
        "time": row.occurred_at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "customer_id": row.customer_id,
            "change": row.type,
            "cause": row.cause,
            "model": row.model_id,
            "segment_map": row.segment_map_id,
            "old": None if row.old_score is None else _scores(row, "old"),
            "new": _scores(row, "new"),
        },
    }


def _scores(row: Any, when: str) -> dict[str, Any]:  # noqa: ANN401 - the same
    return {name: getattr(row, f"{when}_{name}") for name in _SCORES}
