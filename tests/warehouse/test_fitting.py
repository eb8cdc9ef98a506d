"""Quintiles, fitted by the engine."""

from decimal import Decimal

import polars as pl
import pytest

import rfm
from rfm import warehouse


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 99])
def test_fifths_are_cut_where_polars_cuts_them(engines, name, size):
    values = [n * n % 17 for n in range(size)]
    summary = pl.DataFrame({
        "recency_days": [None if value == 4 else value for value in values],
        "frequency": [value % 7 for value in values[:-1]] + [1],
        "monetary": pl.Series([Decimal(value - 3) / 4 for value in values], dtype=pl.Decimal(38, 2)),
    })  # fmt: skip
    assert warehouse.fit(engines(name).load(summary)) == rfm.fit(summary)


def test_recency_below_zero_is_an_error(engines):
    summary = pl.DataFrame({"recency_days": [-1, 2, -3], "frequency": [1, 1, 0], "monetary": 1})
    with pytest.raises(rfm.InvalidFrame, match=r"^1 row of summary with recency_days below 0; sum"):
        warehouse.fit(engines("duckdb").load(summary))


def test_fewer_customers_than_asked_for_are_an_error(engines):
    summary = engines("duckdb").load(
        pl.DataFrame({"recency_days": [1, 2, 3], "frequency": [1, 1, 0], "monetary": 1})
    )
    assert warehouse.fit(summary, min_customers=2) == warehouse.fit(summary)
    with pytest.raises(rfm.TooFewCustomers, match=r"^2 customers have .* 3 or more"):
        warehouse.fit(summary, min_customers=3)
