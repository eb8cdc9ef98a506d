"""Amounts of every type, exact or not."""

from decimal import Decimal

import polars as pl
import pytest

import rfm
from rfm import warehouse
from tests.warehouse.strategies import AS_OF
from tests.warehouse.support import one_customer, same_as_polars


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.Int64, pl.Decimal(5, 1), pl.Decimal(18, 4), pl.Decimal(38, 2)]
)
def test_exact_amounts_stay_exact(engine, dtype):
    amounts = pl.Series([100, 25, -3, None, 0, 50], dtype=dtype)
    frame = pl.DataFrame(
        {"customer_id": list("aabcde"), "ordered_at": [AS_OF] * 6, "amount": amounts}
    )
    same_as_polars(engine, frame, model=None)


def test_sums_are_exact_where_floats_are_not(engine):
    dimes = one_customer([AS_OF] * 10, [Decimal("0.10")] * 10)
    model = rfm.Model(monetary=[1, Decimal("1.001")])
    assert same_as_polars(engine, dimes, model=model)["rfm_monetary"].to_list() == [2]


def test_integers_add_up_beyond_sixty_four_bits(engine):
    frame = one_customer([AS_OF] * 3, pl.Series([2**63 - 1] * 3, dtype=pl.Int64))
    assert same_as_polars(engine, frame)["monetary"].to_list() == [3 * (2**63 - 1)]


def test_nan_and_infinite_amounts_add_nothing(engine):
    odd = [float("nan"), float("inf"), float("-inf"), 49.5, None, 1e308]
    frame = pl.DataFrame({"customer_id": list("aaaabc"), "ordered_at": [AS_OF] * 6, "amount": odd})
    for model in (None, rfm.Model(monetary=[49.5, 1e308, Decimal("1E+400")])):
        same_as_polars(engine, frame, model=model)


@pytest.mark.parametrize(
    ("spend", "threshold", "met"),
    [
        ("999.99", "999.99", True),
        ("999.99", "999.991", False),
        ("0.01", "0.001", True),
        ("0.00", "1E-999999999", False),
        ("0.01", "1E-999999999", True),
        ("0.00", "-1E+999999999", True),
        ("1.00", "1E+999999999", False),
        ("9" * 36 + ".99", "9" * 36 + ".99", True),
        ("9" * 36 + ".99", "9" * 36 + ".991", False),
    ],
)
@pytest.mark.parametrize("name", ["duckdb", "postgres"])
def test_spend_is_compared_to_the_last_digit(engines, name, spend, threshold, met):
    amount = pl.Series([spend]).cast(pl.Decimal(38, 2))
    model = rfm.Model(monetary=[Decimal(threshold)])
    scores = same_as_polars(engines(name), one_customer([AS_OF], amount), model=model)
    assert scores["rfm_monetary"].item() == 1 + met


def test_postgres_numerics_without_a_scale_are_exact_and_nan_adds_nothing(engines):
    engine = engines("postgres")
    engine.run("""
        create view numerics as
        select customer_id, timestamptz '2026-10-01' as ordered_at, amount::numeric
        from (values
            (1, '0.0000000000000000001'), (1, 'NaN'), (2, 'Infinity'), (2, '-Infinity'), (3, '7.5')
        ) as v (customer_id, amount)
    """)
    summary = warehouse.summarize_orders(engine.connection.table("numerics"), as_of=AS_OF)
    tiny = Decimal("0.0000000000000000001")
    assert warehouse.fit(summary).monetary == (tiny, Decimal("7.5"), Decimal("7.5"))
    model = rfm.Model(monetary=[tiny, tiny * 2, 7, Decimal("7.50000000001")])
    scores = warehouse.score_summary(summary, model).order_by("customer_id")
    assert scores.rfm_monetary.to_pyarrow().to_pylist() == [2, 1, 4]
    engine.run("drop view numerics")
