"""One range of customers, one batch of it: who is out of date, and scoring them again."""

import polars as pl
from sqlalchemy import Connection

from rfm.db.models.stored import read_active_model
from rfm.db.reads.reader import Reader
from rfm.db.reads.totals import KeyRange, read_clock, read_totals
from rfm.db.sql import run
from rfm.stored import AHEAD, out_of_date


def find_out_of_date(connection: Connection, reader: Reader, keys: KeyRange) -> pl.DataFrame:
    """Return the customers of a range who are out of date, with the `reason`."""
    with connection.begin():
        (model, since), now = read_active_model(connection), read_clock(connection)
    totals = read_totals(reader, keys, now + AHEAD)
    # neighbours together: they are read from the same pages
    return out_of_date(totals, model, since, now).sort("customer_id")


def rescore(connection: Connection, batch: pl.DataFrame) -> pl.DataFrame:
    """Let the trigger score these customers again, in one transaction.

    Returns them with `lead_score_after`, without those that were deleted meanwhile and those that
    could not be scored, which wait in `lead_score_queue`.
    """
    ids = batch["customer_id"].to_list()
    with connection.begin():
        failed = {row.customer_id for row in run(connection, "internal/rescore/score", ids=ids)}
        after = run(connection, "internal/rescore/lead_scores", ids=ids).fetchall()
    scores = pl.DataFrame(
        [row for row in after if row.customer_id not in failed],
        schema={"customer_id": pl.String, "lead_score_after": pl.Int32},
        orient="row",
    )
    return batch.join(scores, on="customer_id")
