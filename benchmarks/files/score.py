"""From a summary to scores by a given model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Seconds, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from benchmarks.bench import Steps

TEN: Final = 10**7
TIMES: Final = 11  # how often a process measures the same work


def score_without_ids(customers: int) -> Steps:
    """Score a summary that names no customers."""
    yield from _score(customers, None)


def score_sorted_ids(customers: int) -> Steps:
    """Score a summary whose customers come in order."""
    import polars as pl

    yield from _score(customers, pl.int_range(customers, eager=True) * 3)


def score_shuffled_ids(customers: int) -> Steps:
    """Score a summary whose customers come in no order."""
    import polars as pl

    yield from _score(customers, (pl.int_range(customers, eager=True) * 3).shuffle(seed=1))


def score_scattered_ids(customers: int) -> Steps:
    """Score a summary whose ids come in no order, from a range hundreds of times larger."""
    import polars as pl

    ids = pl.int_range(customers, eager=True) * 2_654_435_761 % 2**32
    yield from _score(customers, ids.shuffle(seed=1))


def score_text_ids(customers: int) -> Steps:
    """Score a summary whose ids are text, in no order."""
    import polars as pl

    ids = pl.int_range(customers, eager=True).shuffle(seed=1)
    yield from _score(customers, pl.select(pl.format("customer-{}", ids)).to_series())


def score_lazily(customers: int) -> Steps:
    """Score a lazy frame, whose ids are not checked."""
    import rfm

    plan = rfm.score_frame(_summary(customers).lazy(), rfm.PUBLISHED)
    yield from _repeatedly(lambda: plan.collect(engine="streaming"))


def score_shuffled_ids_once(customers: int) -> Steps:
    """Score for the first time in a process, which has to allocate memory."""
    import polars as pl

    import rfm

    summary = _summary(customers)
    ids = (pl.int_range(customers, eager=True) * 3).shuffle(seed=1)
    summary.insert_column(0, ids.alias("customer_id"))
    yield None
    rfm.score_frame(summary, rfm.PUBLISHED)
    yield None


def four_integer_columns(customers: int) -> Steps:
    """Add four columns, each a column plus a number: no scoring can take less."""
    import polars as pl

    summary = _summary(customers)
    columns = [(pl.col("frequency") + n).alias(f"plus_{n}") for n in range(4)]
    yield from _repeatedly(lambda: summary.with_columns(columns))


def _score(customers: int, ids: pl.Series | None) -> Steps:
    import rfm

    summary = _summary(customers)
    if ids is not None:
        summary.insert_column(0, ids.alias("customer_id"))
    yield from _repeatedly(lambda: rfm.score_frame(summary, rfm.PUBLISHED))


def _repeatedly(work: Callable[[], object]) -> Steps:
    """Measure it several times, after a first call that allocates the memory."""
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
    return pl.select(
        recency_days=number * 7_919 % 400,
        frequency=1 + number * 104_729 % 17,
        monetary=(number * 1_299_709 % 150_000).cast(pl.Decimal(38, 2)) / 100,
    ).with_columns(pl.col("monetary").cast(pl.Decimal(38, 2)))


SCORE = Bench(
    name="score",
    title="score_frame of 10 million customers with a given model",
    trials={
        "four integer columns": Trial(four_integer_columns, TEN),
        "lazy": Trial(score_lazily, TEN),
        "without ids": Trial(score_without_ids, TEN),
        "sorted ids": Trial(score_sorted_ids, TEN),
        "shuffled ids": Trial(score_shuffled_ids, TEN),
        "scattered ids": Trial(score_scattered_ids, TEN),
        "text ids": Trial(score_text_ids, TEN),
        "shuffled ids, first call": Trial(score_shuffled_ids_once, TEN),
    },
    figures=(
        Figure("without ids", "without ids", "four integer columns", at_most=3),
        Figure("sorted integer ids", "sorted ids", "four integer columns", at_most=3),
        Figure("shuffled integer ids", "shuffled ids", "four integer columns", at_most=3),
        Figure("slow: scattered integer ids", "scattered ids", "four integer columns"),
        Figure("slow: shuffled text ids", "text ids", "four integer columns"),
        Figure("a lazy frame", "lazy", "four integer columns"),
        Figure(
            "slow: the first call, against later ones",
            "shuffled ids, first call",
            "shuffled ids",
        ),
    ),
    rounds=9,
)
