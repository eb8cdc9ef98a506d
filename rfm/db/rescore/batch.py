"""One range of customers, one batch of it: who is out of date, and scoring them again."""

from collections.abc import Callable
from typing import Final

import polars as pl
import psycopg
from sqlalchemy import Connection
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from rfm.db.models.stored import read_active_model
from rfm.db.reads.reader import Reader
from rfm.db.reads.totals import KeyRange, read_clock, read_totals
from rfm.db.sql import run
from rfm.stored import AHEAD, out_of_date

_RETRYABLE_ERRORS: Final = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)


def find_out_of_date(connection: Connection, reader: Reader, keys: KeyRange) -> pl.DataFrame:
    """Return the customers of a range who are out of date, with the `reason`."""
    with connection.begin():
        (model, since), now = read_active_model(connection), read_clock(connection)
    totals = read_totals(reader, keys, now + AHEAD)
    # neighbours together; the server locks each batch in the order of the keys themselves
    return out_of_date(totals, model, since, now).sort("customer_id")


def rescore(connection: Connection, batch: pl.DataFrame, lock_timeout: float) -> pl.DataFrame:
    """Let the trigger score these customers again, in one transaction.

    lock_timeout: in seconds.

    Returns them with `lead_score_after`, without those that were deleted meanwhile.
    """
    ids = batch["customer_id"].to_list()
    with connection.begin():
        run(
            connection,
            "internal/rescore/touch",
            ids=ids,
            lock_timeout=f"{lock_timeout * 1000:.0f}ms",
        )
        after = run(connection, "internal/rescore/lead_scores", ids=ids).fetchall()
    scores = pl.DataFrame(
        after, schema={"customer_id": pl.String, "lead_score_after": pl.Int32}, orient="row"
    )
    return batch.join(scores, on="customer_id")


def retry_on_conflict(
    work: Callable[[], pl.DataFrame], sleep: Callable[[float], None]
) -> pl.DataFrame:
    """Do some work, up to six times while another session is in its way."""
    # tenacity: made for this, and it draws the waits at random, so that two do not meet again
    retrying = Retrying(
        retry=retry_if_exception_type(_RETRYABLE_ERRORS),
        stop=stop_after_attempt(6),
        wait=wait_random_exponential(0.1, max=5),
        sleep=sleep,
        reraise=True,
    )
    return retrying(work)
