"""The SQL for engines that cannot run here."""

import ibis
import pytest

import rfm
from rfm.columns import OrderColumns
from rfm.warehouse.quintiles import histogram, thresholds
from rfm.warehouse.scoring import score_checked
from rfm.warehouse.summary import summarize_checked
from tests.warehouse.support import ORDERS

FUNCTIONS = {
    "bigquery": ("UNIX_MICROS(", "TIMESTAMP_MICROS("),
    "databricks": ("UNIX_MICROS(", "TIMESTAMP_MICROS("),
    "snowflake": ("DATE_PART('epoch_microsecond'", "DATEADD(MICROSECOND"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("ordered_at", ["zoned", "naive", "day"])
@pytest.mark.parametrize("amount", ["amount", "float"])
def test_sql_is_written_for_engines_that_cannot_run_here(name, ordered_at, amount):
    names = OrderColumns(ordered_at=ordered_at, amount=amount)
    orders = ibis.table(ORDERS, name="orders")
    summary = summarize_checked(orders, 0, names, name)
    scores = ibis.to_sql(score_checked(summary, rfm.PUBLISHED), dialect=name)
    fitted = ibis.to_sql(thresholds(histogram(summary)), dialect=name)
    for function in FUNCTIONS[name]:
        assert function in "".join(scores.split())
    assert "DESC" not in fitted  # BigQuery would then have its nulls last
