"""The closed forms against SciPy and a bootstrap."""

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from scipy.stats import binomtest, mannwhitneyu

from rfm.evaluation.intervals import area, placements, pooled, wilson

BOUGHT = pl.col("bought")


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(pair):
    table = pl.DataFrame([pair], schema=["k", "n"], orient="row")
    [(rate, low, high)] = table.select(wilson(pl.col("k"), pl.col("n"))).rows()
    k, n = pair
    assert rate == pytest.approx(k / n)
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= rate <= high <= 1


def customers(seed, size=200):
    chance = random.Random(seed)
    return pl.DataFrame(
        [
            (chance.randint(0, 9) + 3 * bought, chance.randint(0, 99) + 20 * bought, bought)
            for bought in (chance.random() < 0.3 for _ in range(size))
        ],
        schema=["score", "recency", "bought"],
        orient="row",
    )


def areas(table):
    placed = table.with_columns(
        placements(pl.col(name), BOUGHT).alias(name) for name in ("score", "recency")
    )
    own = placed.select(area(pl.col("score"), BOUGHT)).row(0)
    return own, placed.select(area(pl.col("score") - pl.col("recency"), BOUGHT)).row(0)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_the_area_is_mann_whitneys(seed):
    table = customers(seed)
    groups = [table.filter(bought=bought)["score"].to_numpy() for bought in (True, False)]
    expected = mannwhitneyu(*groups).statistic / (len(groups[0]) * len(groups[1]))
    (found, low, high), _ = areas(table)
    assert found == pytest.approx(expected)
    assert low < found < high


@pytest.mark.parametrize("seed", [1, 2])
def test_both_intervals_are_those_of_a_paired_bootstrap(seed):
    table = customers(seed, size=1500)
    own, ahead = areas(table)
    samples = [areas(table.sample(fraction=1, with_replacement=True, seed=n)) for n in range(600)]
    for found, drawn in ((own, [s[0][0] for s in samples]), (ahead, [s[1][0] for s in samples])):
        low, high = np.quantile(drawn, [0.025, 0.975])
        width = high - low
        assert found[1] == pytest.approx(low, abs=0.12 * width)
        assert found[2] == pytest.approx(high, abs=0.12 * width)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 1000)), min_size=1, max_size=25))
def test_pooled_rates_are_the_isotonic_regression(pairs):
    rates, weights = map(list, zip(*pairs, strict=True))
    expected = isotonic_regression(rates, weights=weights).x
    assert pooled(rates, weights) == pytest.approx(expected.tolist(), abs=1e-9)
