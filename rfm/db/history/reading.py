"""Reading the history: a customer's events and trend, scores as of an instant, who moved."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

import polars as pl
import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of
from rfm.db.schema.required import HISTORY, require_migration
from rfm.db.sql import run
from rfm.errors import InvalidArgument
from rfm.instants import EPOCH, microseconds_since_epoch

_SCORES: Final = ("recency", "frequency", "monetary", "score")
_SCHEMA: Final[dict[str, Any]] = {
    "event_id": pl.Int64,
    "occurred_at": pl.Datetime("us", "UTC"),
    "type": pl.String,
    "cause": pl.String,
    "model_id": pl.Int32,
    "segment_map_id": pl.Int32,
    **{f"old_{name}": pl.Int16 for name in _SCORES},
    "old_category": pl.String,
    "old_segment": pl.String,
    **{f"new_{name}": pl.Int16 for name in _SCORES},
    "new_category": pl.String,
    "new_segment": pl.String,
}
_SCORES_AT: Final = {
    "customer_id": pl.String,
    "rfm_recency": pl.Int32,
    "rfm_frequency": pl.Int32,
    "rfm_monetary": pl.Int32,
    "lead_score": pl.Int32,
}
_MOVEMENT: Final = {
    "before": pl.String,
    "after": pl.String,
    "change": pl.String,
    "customers": pl.Int64,
}


class Trend(StrEnum):
    """Where a score is going."""

    IMPROVING = "improving"
    STEADY = "steady"
    DECLINING = "declining"
    UNKNOWN = "unknown"  # the history is too short, or the customer had no score then


def history(database: Engine | str, customer_id: object) -> pl.DataFrame:
    """Return the events of one customer, oldest first, as far as the role may see the customer.

    Columns: `event_id`, `occurred_at`, `type` (`scored`, `score_changed`, `category_changed`,
    `segment_changed`), `cause`, `model_id`, `segment_map_id`, and the scores before
    (`old_recency`, `old_frequency`, `old_monetary`, `old_score`, `old_category`, `old_segment`;
    null: there were none) and after (`new_…`).

    >>> from rfm.testing import example_engine, temporary_database
    >>> from rfm.db.history.enable import enable_history
    >>> from rfm.db.connect import run_script
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     _ = enable_history(engine, baseline=True)
    ...     with engine.connect() as connection:
    ...         [(ada,)] = run_script(
    ...             connection, "select id from public.customers where email = 'ada@example.com'"
    ...         )
    ...     history(engine, ada).select("type", "cause", "new_score").rows()
    [('scored', 'baseline', 24)]
    """
    with engine_of(database).connect() as connection:
        require_migration(connection, HISTORY)
        rows = _of_customer(connection, "events_of_a_customer", customer_id)
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def trend(database: Engine | str, customer_id: object, *, days: int = 30) -> Trend:
    """Return whether one customer's score has risen or fallen within the last days.

    What another model did to the score does not count. `unknown` where the history is shorter, or
    the customer had no score then.
    """
    since = datetime.now(UTC) - timedelta(days=days)
    with engine_of(database).connect() as connection:
        require_migration(connection, HISTORY)
        rows = _of_customer(connection, "trend_of_a_customer", customer_id, since=since)
        [state] = run(connection, "internal/history/state")
    if not rows or rows[0].is_new or not rows[0].lead_score or state.recorded_since > since:
        return Trend.UNKNOWN
    change = rows[0].change
    return Trend.IMPROVING if change > 0 else Trend.DECLINING if change < 0 else Trend.STEADY


def _of_customer(
    connection: Connection, name: str, customer_id: object, **values: object
) -> list[Any]:
    try:
        found = run(connection, f"internal/history/{name}", customer=str(customer_id), **values)
        return found.fetchall()
    except psycopg.DataError:
        raise InvalidArgument(f"{customer_id!r} is not the id of a customer") from None


def scores_at(database: Engine | str, as_of: datetime) -> pl.DataFrame:
    """Return the scores that each customer had at an instant, by the history.

    One row per customer of today: `customer_id` (text), `rfm_recency`, `rfm_frequency`,
    `rfm_monetary`, `lead_score`; null: not scored then. Raises `InvalidArgument` for an instant
    before the history begins. A naive datetime is UTC, a date is its midnight UTC.
    """
    return _read(database, "scores_at", _SCORES_AT, as_of=_instant(as_of))


def movement(
    database: Engine | str,
    start: datetime,
    end: datetime,
    *,
    by: Literal["category", "segment"] = "category",
) -> pl.DataFrame:
    """Return how many customers went from which category or segment to which within a period.

    Columns: `before`, `after` (`Hot`, `Warm`, `Cool`, `Cold`, or keys of segments; `not scored`),
    `change`, `customers`. `change` is `model` for customers whom another model moved within the
    period, otherwise `customer`. Segments are those of the active segment map at both ends: another
    map moves nobody. The numbers add up to the customers of today. Raises `InvalidArgument` for a
    period that begins before the history, or after it ends.
    """
    if by not in {"category", "segment"}:
        raise InvalidArgument(f"`by` is {by!r}, not 'category' or 'segment'")
    starts, ends = _instant(start), _instant(end)
    found = _read(database, f"movement_by_{by}", _MOVEMENT, starts=starts, ends=ends)
    return found.sort("before", "after", "change")


def _instant(given: object) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds_since_epoch(given))


def _read(
    database: Engine | str, name: str, schema: dict[str, Any], **values: object
) -> pl.DataFrame:
    with engine_of(database).connect() as connection:
        require_migration(connection, HISTORY)
        try:
            rows = run(connection, f"internal/history/{name}", **values).fetchall()
        except psycopg.errors.InvalidParameterValue as error:
            raise InvalidArgument(error.diag.message_primary) from None
    return pl.DataFrame(rows, schema=schema, orient="row")
