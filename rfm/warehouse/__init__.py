"""The same scores where the orders are: in a warehouse, with SQL that Ibis writes.

Orders are an Ibis table in BigQuery, Databricks, DuckDB, PostgreSQL, Snowflake or Spark. The result
is an Ibis table, too: only thresholds leave the engine. Needs the extra `warehouse`, and Ibis'
extra for the engine, for example `ibis-framework[pyspark]`.

>>> from datetime import date
>>> import ibis, polars as pl, rfm
>>> orders = ibis.memtable(pl.DataFrame({
...     "customer_id": ["ada", "ada", "bob"],
...     "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2024, 6, 5)],
...     "amount": [20, 35, 500],
... }))
>>> scores = score_orders(orders, as_of=date(2025, 1, 31), model=rfm.PUBLISHED)
>>> scores.order_by("customer_id").to_polars().select("customer_id", "lead_score").rows()
[('ada', 21), ('bob', 11)]
"""

from rfm._check.extras import needs

with needs(
    "Ibis",
    "'rfm-scoring[warehouse]' and the extra of your engine, for example 'ibis-framework[duckdb]'",
):
    from rfm.warehouse.quintiles import fit
    from rfm.warehouse.scoring import score_orders, score_summary
    from rfm.warehouse.segments import segment
    from rfm.warehouse.summary import summarize_orders

__all__ = ["fit", "score_orders", "score_summary", "segment", "summarize_orders"]
