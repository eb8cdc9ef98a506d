"""Closed forms of statistics: rates, areas under a curve, and differences of two of them."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import polars as pl

Z: Final = NormalDist().inv_cdf(0.975)
"""How many standard errors an interval of 95 % reaches to each side."""


def wilson(successes: pl.Expr, trials: pl.Expr, prefix: str = "rate") -> list[pl.Expr]:
    """Return a rate and its 95 % interval after Wilson (1927): `rate`, `rate_low`, `rate_high`.

    The three are Float64 between 0 and 1, and null where there are no trials.

    >>> table = pl.DataFrame({"buyers": [0, 3], "customers": [0, 10]})
    >>> rows = table.select(wilson(pl.col("buyers"), pl.col("customers"))).rows()
    >>> rows[0], [round(number, 4) for number in rows[1]]
    ((None, None, None), [0.3, 0.1078, 0.6032])
    """
    n = pl.when(trials > 0).then(trials.cast(pl.Float64))
    rate = successes / n
    shrunk = n + Z * Z
    centre = (successes + Z * Z / 2) / shrunk
    half = Z * (successes * (1 - rate) + Z * Z / 4).sqrt() / shrunk
    # rounding may not take an interval past its ends
    return [
        rate.alias(prefix),
        pl.when(successes > 0).then(centre - half).when(n > 0).then(0.0).alias(f"{prefix}_low"),
        pl.when(successes < n).then(centre + half).when(n > 0).then(1.0).alias(f"{prefix}_high"),
    ]


def placements(predictor: pl.Expr, bought: pl.Expr) -> pl.Expr:
    """Return what share of the other group each customer is on the right side of.

    A buyer's placement is the share of the others with a smaller predictor; that of somebody who
    did not buy is the share of the buyers with a greater one. Equal predictors count half. The mean
    of either group is the area under the curve (DeLong et al. 1988), found from two rankings
    (Sun and Xu 2014). Float64; null where the other group is empty.

    >>> table = pl.DataFrame({"score": [30, 6, 20], "bought": [True, False, False]})
    >>> table.select(placements(pl.col("score"), pl.col("bought"))).to_series().to_list()
    [1.0, 1.0, 1.0]
    """
    others = pl.len() - pl.len().over(bought)
    smaller = predictor.rank("average") - predictor.rank("average").over(bought)
    share = smaller / pl.when(others > 0).then(others)
    return pl.when(bought).then(share).otherwise(1 - share)


def area(placement: pl.Expr, bought: pl.Expr) -> list[pl.Expr]:
    """Return the mean of placements over the buyers, and its 95 % interval: three aggregations.

    Of a difference of two predictors' placements, it is the difference of their areas, paired. The
    interval is null with fewer than two customers in either group, and is not cut at 0 and 1.
    """
    mean = placement.filter(bought).mean()
    groups = [placement.filter(bought), placement.filter(~bought)]
    variance = sum((group.var() / group.len() for group in groups), start=pl.lit(0.0))
    half = Z * variance.sqrt()
    return [mean.alias("auc"), (mean - half).alias("low"), (mean + half).alias("high")]


def pooled(rates: list[float], weights: list[int]) -> list[float]:
    """Return the rates that never fall from one to the next and are closest to the given ones.

    Neighbours that fall are pooled, each with its weight (pool-adjacent-violators, Ayer et al.
    1955).

    >>> pooled([0.1, 0.3, 0.2], [10, 5, 5])
    [0.1, 0.25, 0.25]
    """
    blocks: list[tuple[float, int, int]] = []  # rate, weight, how many rates are in it
    for rate, weight in zip(rates, weights, strict=True):
        block = (rate, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            mean = (before[0] * before[1] + block[0] * block[1]) / total
            block = (mean, total, before[2] + block[2])
        blocks.append(block)
    return [rate for rate, _, size in blocks for _ in range(size)]
