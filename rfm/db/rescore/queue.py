"""Customers whose score waits: an order that cannot score its customer at once leaves them here."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_random

from rfm.db.connect import run_script
from rfm.db.sql import run

_BATCH = 1000  # customers in one short transaction
_LOCKED = "55P03"  # PostgreSQL's code for a lock that was not available


def score_queue(
    connection: Connection, patience: float = 0.0, rest: Callable[[float], None] = time.sleep
) -> int:
    """Score everybody who waits in `lead_score_queue`; return how many customers that were.

    A thousand at a time, each in a transaction of its own. Whoever cannot be scored stays there,
    and keeps nobody else. Customers that others have locked are tried again for `patience` seconds.
    """
    scored = 0

    def try_once() -> bool:
        nonlocal scored
        scored += _score_everybody(connection)
        return _LOCKED in waiting(connection)

    again = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(patience),
        wait=wait_random(0.05, 0.2),  # at random, so that two do not meet again
        sleep=rest,
        retry_error_callback=_leave_them,
    )
    again(try_once)
    return scored


def waiting(connection: Connection) -> Counter[str]:
    """Return how many customers wait in the queue, by SQLSTATE."""
    with connection.begin():
        rows = run(connection, "internal/rescore/waiting").fetchall()
    return Counter({row.sqlstate: row.customers for row in rows})


def _leave_them(_: RetryCallState) -> None:
    pass


def _score_everybody(connection: Connection) -> int:
    with connection.begin():
        [(started,)] = run_script(connection, "select clock_timestamp()")
    scored, more = 0, True
    while more:
        with connection.begin():
            portion = _score_portion(connection, started)
        scored += portion[0]
        more = portion[1]
    return scored


def _score_portion(connection: Connection, tried_before: datetime) -> tuple[int, bool]:
    [row] = run(
        connection, "internal/rescore/score_queued", batch=_BATCH, tried_before=tried_before
    )
    return row.scored, row.waiting > 0
