"""How much spend is missing: exact for exact amounts, as floats add up for floats."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

_INT64_DIGITS = 19


def exact_money(dtype: pl.DataType) -> pl.Expr:
    """Return the spend of a summary, 0 for a null: a Decimal, or a Float64 for floats."""
    spend = pl.col("monetary")
    if dtype.is_float():
        number = spend.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number).otherwise(0.0)
    if isinstance(dtype, pl.Decimal):
        return spend.fill_null(0)
    return spend.cast(pl.Decimal(38, 0)).fill_null(0)


def spend_to(least: pl.Expr, dtype: pl.DataType, scale: int) -> pl.Expr:
    """Return how much spend is missing to `least`, rounded up to so many decimals."""
    spend = pl.col("monetary_value")
    if dtype.is_float():
        return _float_spend(least, spend, scale)
    if isinstance(dtype, pl.Decimal) and dtype.scale > scale:
        spend = _rounded_down(spend, dtype.scale, scale)
    return (least - spend).clip(lower_bound=0)


def _rounded_down(spend: pl.Expr, scale: int, to: int) -> pl.Expr:
    step: int = 10 ** (scale - to)
    units = spend.to_physical() // step
    return units.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-to))


def _float_spend(least: pl.Expr, spend: pl.Expr, scale: int) -> pl.Expr:
    """Return the fewest units whose sum with the spend, as floats, is the threshold or more."""
    goal = least.cast(pl.Float64)
    units: int = 10**scale
    about = ((goal - spend) * units).ceil()
    enough = [spend + (about + shift) / units >= goal for shift in (-1, 0)]
    fewest = pl.when(enough[0]).then(about - 1).when(enough[1]).then(about).otherwise(about + 1)
    # 0.29 * 100 is less than 29: a float of whole units becomes a Decimal by its integer
    whole = fewest.clip(lower_bound=0).cast(pl.Int64, strict=False).cast(pl.Decimal(38, 0))
    return (whole * pl.lit(Decimal(1).scaleb(-scale))).cast(pl.Decimal(38, scale))
