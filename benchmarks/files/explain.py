"""From a summary to explanations: what they take against the scores alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from benchmarks.bench import Steps

MILLION: Final = 10**6
TIMES: Final = 7
AS_OF: Final = datetime(2026, 11, 1, tzinfo=UTC)


def score(customers: int) -> Steps:
    """Score a summary whose ids are text."""
    import rfm

    summary = _summary(customers)
    yield from _repeatedly(lambda: rfm.score_frame(summary, rfm.PUBLISHED))


def explain(customers: int) -> Steps:
    """Explain the same customers as a frame."""
    import rfm

    summary = _summary(customers)
    yield from _repeatedly(lambda: rfm.explain_frame(summary, rfm.PUBLISHED, as_of=AS_OF))


def explain_one_by_one(customers: int) -> Steps:
    """Make an object of each explanation."""
    import rfm

    summary = _summary(customers)
    yield None
    rfm.explain(summary, rfm.PUBLISHED, as_of=AS_OF)
    yield None


def _repeatedly(work: Callable[[], object]) -> Steps:
    work()
    yield None
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    yield Seconds(seconds)


def _summary(customers: int) -> pl.DataFrame:
    import polars as pl

    number = pl.int_range(customers, dtype=pl.Int64)
    days = number * 7_919 % 400
    return pl.select(
        customer_id=pl.format("customer-{}", number),
        last_order_at=pl.lit(AS_OF).dt.cast_time_unit("us") - pl.duration(days=days, hours=3),
        recency_days=days,
        frequency=1 + number * 104_729 % 17,
        monetary=(number * 1_299_709 % 150_000).cast(pl.Decimal(38, 2)) / 100,
    ).with_columns(pl.col("monetary").cast(pl.Decimal(38, 2)))


EXPLAIN: Final = Bench(
    name="explain",
    title="explain_frame of a million customers with a given model",
    trials={
        "scores": Trial(score, MILLION),
        "explanations": Trial(explain, MILLION),
        "slow: an object for each of 10,000": Trial(explain_one_by_one, MILLION // 100),
    },
    figures=(
        Figure("explanations, against the scores", "explanations", "scores", at_most=10),
        Figure(
            "slow: an object for each of 10,000 customers, in seconds",
            "slow: an object for each of 10,000",
        ),
    ),
    rounds=5,
)
