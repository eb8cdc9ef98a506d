"""From a Parquet file of orders to scores by fitted quintiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench, Figure, Trial
from benchmarks.data import AS_OF, orders_file
from benchmarks.files.rivals import (
    scores_by_duckdb,
    scores_by_duckdb_of_all,
    scores_by_openretailscience,
    scores_by_pandas,
)

if TYPE_CHECKING:
    from benchmarks.bench import Steps

MILLION: Final = 10**6
TEN, HUNDRED = 10 * MILLION, 100 * MILLION


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
    """Do the same with text ids, which take longer to hash and compare."""
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
    """Do the same with `as_of` as an expression, which is then compared per customer."""
    import polars as pl

    import rfm

    yield None
    plan = rfm.summarize_orders(pl.scan_parquet(orders_file(orders)), as_of=pl.lit(AS_OF))
    summary = plan.collect(engine="streaming")
    scored = rfm.score_frame(summary, rfm.fit(summary))
    yield int(scored["frequency"].sum())


def group_by_in_polars(orders: int) -> Steps:
    """Count, sum and maximum only: without statuses, without scores."""
    import polars as pl

    yield None
    amount, ordered_at = pl.col("amount"), pl.col("ordered_at")
    plan = pl.scan_parquet(orders_file(orders)).group_by("customer_id")
    plan.agg(pl.len(), amount.sum(), ordered_at.max()).collect(engine="streaming")
    yield None


ORDERS = Bench(
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
        Figure("against a bare group-by in Polars", "rfm", "Polars, group-by alone", at_most=1.3),
        Figure("against openretailscience", "rfm", "openretailscience", at_most=1 / 8),
        Figure("against pandas, with reading", "rfm", "pandas, qcut", at_most=1 / 5),
        Figure("slow: ids as text, against integers", "rfm, text ids", "rfm"),
        Figure("slow: `as_of` an expression", "rfm, as_of an expression", "rfm"),
    ),
    rounds=7,
)

GROWTH = Bench(
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
)
