"""The jobs in pg_cron: the daily refresh and rescoring, and the queue each minute."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of, run_script
from rfm.db.schema.required import OPERATIONS, require_migration
from rfm.db.sql import run
from rfm.errors import SchedulerMissing


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One job as pg_cron has it: its name, its cron expression, and the SQL that it runs."""

    name: str
    schedule: str
    command: str


def schedule(
    database: Engine | str, *, refresh: str | None = None, rescore: str | None = None
) -> list[ScheduledJob]:
    """Have pg_cron refresh the timeline, rescore stale customers, and score the queued ones.

    Returns the three jobs. The queue's job runs each minute.

    `refresh` and `rescore` are cron expressions, in the time zone of pg_cron (GMT, unless somebody
    changed it). Without one, the job keeps the time that it has; a new one gets 2 AM or half past.
    A second call changes nothing. Raises `SchedulerMissing` where the database has no pg_cron: the
    message has the three lines for an ordinary crontab.

    >>> from rfm.testing import example_engine
    >>> schedule(example_engine())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    rfm.errors.SchedulerMissing: pg_cron is not in database ...
    """
    with engine_of(database).begin() as connection:
        require_migration(connection, OPERATIONS)
        _require_pg_cron(connection)
        rows = run(connection, "internal/rescore/schedule_jobs", refresh=refresh, rescore=rescore)
        return [ScheduledJob(*row) for row in rows]


def _require_pg_cron(connection: Connection) -> None:
    found = run_script(connection, "select from pg_extension where extname = 'pg_cron'")
    if not found.rowcount:
        raise SchedulerMissing(
            f"pg_cron is not in database {connection.engine.url.database!r}; run `create extension "
            "pg_cron` and this again, or put these three lines into the crontab of a machine that "
            f"reaches the database, with DATABASE_URL set:\n{_CRONTAB}"
        )


_QUEUE = "select public.score_queued_customers(50000, clock_timestamp())"
_CRONTAB = f"""\
* * * * *  psql "$DATABASE_URL" --command '{_QUEUE}'
0 2 * * *  psql "$DATABASE_URL" --command 'select public.refresh_customer_activity_timeline()'
30 2 * * * rfm db rescore-stale"""
