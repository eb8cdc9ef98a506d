"""The same work by others: DuckDB, pandas, openretailscience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.data import AS_OF, orders_file

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.bench import Steps

UNCOUNTED: Final = ("cancelled", "canceled", "refunded", "failed", "void")
COUNTS: Final = f"ordered_at <= timestamptz '{AS_OF}' and lower(status) not in {UNCOUNTED}"


def scores_by_duckdb(orders: int) -> Steps:
    """Group and rank by ntile, as public queries do; customers without a counted order are lost."""
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
    """Read, group, qcut; money as floats: pandas has no decimals."""
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
        # without the rank, qcut fails on equal edges
        rank = scored[number].rank(method="first", ascending=better)
        scored[number + "_score"] = pd.qcut(rank, 5, labels=False) + 1
    yield int(scored["frequency"].sum())


def _read_for_pandas(orders: int) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["customer_id", "ordered_at", "amount", "status"]
    table = pq.read_table(orders_file(orders), columns=columns)
    amount = table["amount"].cast(pa.float64())
    # categories: faster, and pandas users know that there are five statuses
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
