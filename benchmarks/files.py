"""A Parquet file of orders to scores by fitted quintiles; a summary to scores by a given model."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.data import AS_OF, make, orders_file
from benchmarks.measure import Bench, Figure, Seconds, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    import polars as pl

    Steps = Iterator[object]

MILLION: Final = 10**6
TIMES: Final = 11  # of work whose median is taken within a process
UNCOUNTED: Final = ("cancelled", "canceled", "refunded", "failed", "void")
COUNTS: Final = f"ordered_at <= timestamptz '{AS_OF}' and lower(status) not in {UNCOUNTED}"

# ---------------------------------------------------------------- orders to scores


def scores_by_rfm(orders: int) -> Steps:
    """Summarize, fit, score."""
    import polars as pl

    import rfm

    yield None
    plan = rfm.summarize_orders(pl.scan_parquet(orders_file(orders)), as_of=AS_OF)
    summary = plan.collect(engine="streaming")
    scored = rfm.score_frame(summary, rfm.fit(summary))
    yield int(scored["frequency"].sum())


def scores_by_rfm_of_text_ids(orders: int) -> Steps:
    """Do the same with the ids as text, which are longer to hash and to compare."""
    import polars as pl

    import rfm

    yield None
    named = pl.scan_parquet(orders_file(orders)).with_columns(
        pl.format("customer-{}", "customer_id").alias("customer_id")
    )
    summary = rfm.summarize_orders(named, as_of=AS_OF).collect(engine="streaming")
    scored = rfm.score_frame(summary, rfm.fit(summary))
    yield int(scored["frequency"].sum())


def scores_by_rfm_at_own_instants(orders: int) -> Steps:
    """Do the same with `as_of` as an expression, which is then kept and compared per customer."""
    import polars as pl

    import rfm

    yield None
    plan = rfm.summarize_orders(pl.scan_parquet(orders_file(orders)), as_of=pl.lit(AS_OF))
    summary = plan.collect(engine="streaming")
    scored = rfm.score_frame(summary, rfm.fit(summary))
    yield int(scored["frequency"].sum())


def group_by_in_polars(orders: int) -> Steps:
    """Count, add up and find the newest: no status is looked at, nothing scored."""
    import polars as pl

    yield None
    amount, ordered_at = pl.col("amount"), pl.col("ordered_at")
    plan = pl.scan_parquet(orders_file(orders)).group_by("customer_id")
    plan.agg(pl.len(), amount.sum(), ordered_at.max()).collect(engine="streaming")
    yield None


def scores_by_duckdb(orders: int) -> Steps:
    """Group and rank by ntile, as public queries do; customers without a counted order drop out."""
    yield from _in_duckdb(
        f"""
        select customer_id,
            max(ordered_at) as newest, count(*) as frequency, sum(amount) as monetary
        from read_parquet('{orders_file(orders)}') where {COUNTS} group by customer_id
        """
    )


def scores_by_duckdb_of_all(orders: int) -> Steps:
    """Do the same, and keep the customers without a counted order, as rfm does."""
    yield from _in_duckdb(
        f"""
        select customer_id, max(ordered_at) filter (where {COUNTS}) as newest,
            count(*) filter (where {COUNTS}) as frequency,
            sum(amount) filter (where {COUNTS}) as monetary
        from read_parquet('{orders_file(orders)}') group by customer_id
        """
    )


def _in_duckdb(totals: str) -> Steps:
    import duckdb

    connection = duckdb.connect()
    yield None
    connection.execute(
        f"""
        create table scores as
        select *,
            ntile(5) over (order by newest nulls first) as r,
            ntile(5) over (order by frequency) as f,
            ntile(5) over (order by monetary nulls first) as m
        from ({totals})
        """
    )
    answer = connection.execute("select sum(frequency)::bigint from scores").fetchone()
    yield answer and answer[0]


def scores_by_pandas(orders: int) -> Steps:
    """Read, group, qcut; money as floats, for pandas has no decimals of its own."""
    import pandas as pd

    yield None
    lines = _read_for_pandas(orders)
    counts = (lines["ordered_at"] <= AS_OF) & ~lines["status"].str.lower().isin(UNCOUNTED)
    groups = lines[counts].groupby("customer_id")
    scored = groups.agg(
        newest=("ordered_at", "max"), frequency=("amount", "size"), monetary=("amount", "sum")
    )
    scored["recency_days"] = (AS_OF - scored["newest"]).dt.days
    for number, better in (("recency_days", False), ("frequency", True), ("monetary", True)):
        # ranked first, or qcut finds edges alike and refuses
        rank = scored[number].rank(method="first", ascending=better)
        scored[number + "_score"] = pd.qcut(rank, 5, labels=False) + 1
    yield int(scored["frequency"].sum())


def _read_for_pandas(orders: int) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["customer_id", "ordered_at", "amount", "status"]
    table = pq.read_table(orders_file(orders), columns=columns)
    amount = table["amount"].cast(pa.float64())
    # statuses as categories: what a pandas user does who knows that there are five
    status = table["status"].cast(pa.string()).dictionary_encode()
    table = table.set_column(2, "amount", amount).set_column(3, "status", status)
    return table.to_pandas()


def scores_by_openretailscience(orders: int) -> Steps:
    """Let its RFMSegmentation read the file through DuckDB, which is its fastest way."""
    import ibis
    from openretailscience.segmentation.rfm import RFMSegmentation

    connection = ibis.duckdb.connect()
    yield None
    lines = connection.read_parquet(orders_file(orders))
    counted = lines.filter((lines.ordered_at <= AS_OF) & ~lines.status.lower().isin(UNCOUNTED))
    named = counted.rename(
        transaction_date="ordered_at", unit_spend="amount", transaction_id="order_id"
    )
    scored = RFMSegmentation(
        named, current_date=AS_OF.date(), r_segments=5, f_segments=5, m_segments=5
    )
    yield int(scored.df["frequency"].sum())


# ---------------------------------------------------------------- a summary to scores


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
    """Score a lazy frame, whose ids are not looked at."""
    import rfm

    plan = rfm.score_frame(_summary(customers).lazy(), rfm.PUBLISHED)
    yield from _repeatedly(lambda: plan.collect(engine="streaming"))


def score_shuffled_ids_once(customers: int) -> Steps:
    """Score for the first time in a process, which has to ask the system for memory."""
    import polars as pl

    import rfm

    summary = _summary(customers)
    ids = (pl.int_range(customers, eager=True) * 3).shuffle(seed=1)
    summary.insert_column(0, ids.alias("customer_id"))
    yield None
    rfm.score_frame(summary, rfm.PUBLISHED)
    yield None


def four_integer_columns(customers: int) -> Steps:
    """Add four columns, each another column plus a number: the least that any scoring can take."""
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
    """Do it several times in a process that already has the memory."""
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


# ---------------------------------------------------------------- benches


@contextmanager
def scene(benches: list[Bench]) -> Iterator[None]:
    """Make the files of orders that the benches read; they stay, for the next run."""
    make(
        {
            trial.size
            for bench in benches
            if bench.name != "score"
            for trial in bench.trials.values()
        }
    )
    yield


TEN, HUNDRED = 10 * MILLION, 100 * MILLION

BENCHES = (
    Bench(
        name="orders",
        title="10 million orders of 1 million customers to scores by fitted quintiles",
        trials={
            "rfm": Trial(scores_by_rfm, TEN),
            "Polars, group-by alone": Trial(group_by_in_polars, TEN),
            "DuckDB, ntile": Trial(scores_by_duckdb, TEN),
            "DuckDB, ntile, all customers": Trial(scores_by_duckdb_of_all, TEN),
            "pandas, qcut": Trial(scores_by_pandas, TEN),
            "openretailscience": Trial(scores_by_openretailscience, TEN),
            "rfm, text ids": Trial(scores_by_rfm_of_text_ids, TEN),
            "rfm, as_of an expression": Trial(scores_by_rfm_at_own_instants, TEN),
        },
        figures=(
            Figure("against DuckDB's ntile", "rfm", "DuckDB, ntile", at_most=0.8),
            Figure(
                "against DuckDB's ntile, all customers kept",
                "rfm",
                "DuckDB, ntile, all customers",
                at_most=0.8,
            ),
            Figure(
                "against a bare group-by in Polars", "rfm", "Polars, group-by alone", at_most=1.3
            ),
            Figure("against openretailscience", "rfm", "openretailscience", at_most=1 / 8),
            Figure("against pandas, with reading", "rfm", "pandas, qcut", at_most=1 / 5),
            Figure("slow: ids as text, against integers", "rfm, text ids", "rfm"),
            Figure("slow: `as_of` an expression", "rfm, as_of an expression", "rfm"),
        ),
        rounds=7,
    ),
    Bench(
        name="growth",
        title="1, 10 and 100 million orders to scores",
        trials={
            f"{name}, {size // MILLION}M": Trial(case, size)
            for size in (MILLION, TEN, HUNDRED)
            for name, case in (
                ("rfm", scores_by_rfm),
                ("DuckDB, ntile", scores_by_duckdb),
                ("Polars, group-by alone", group_by_in_polars),
            )
        },
        figures=(
            Figure("100 million against 10 million", "rfm, 100M", "rfm, 10M", at_most=12),
            Figure("memory for 100 million", "rfm, 100M", at_most=4096, of="peak_mib"),
            Figure(
                "memory for 100 million, against DuckDB's",
                "rfm, 100M",
                "DuckDB, ntile, 100M",
                of="peak_mib",
            ),
        ),
        rounds=3,
        chart="orders",
    ),
    Bench(
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
    ),
)
