"""Expressions on numbers that mean the same in every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir

DECIMAL_DIGITS: Final = 38


def finite_or_null(value: ir.Value, comparable: dt.DataType = dt.float64) -> ir.Value:
    """Return the value, with null in place of NaN and the infinities.

    comparable: the type in which the value is compared with infinity.
    """
    # Not isinf(), which Ibis 12 writes as FALSE for Spark. NaN is greater than infinity in some
    # engines, and not comparable in the others.
    below_infinity = value.abs() < ibis.literal("Infinity").cast(comparable)
    return below_infinity.ifelse(value, ibis.null(value.type()))


def comparable_spend(monetary: ir.Value) -> ir.Value:
    """Return the spend as a decimal, or as a finite float."""
    if monetary.type().is_integer():
        return monetary.cast(dt.Decimal(DECIMAL_DIGITS, 0))
    return finite_or_null(monetary) if monetary.type().is_floating() else monetary


def zero(dtype: dt.DataType) -> ir.Value:
    """Return 0 in this type."""
    return ibis.literal("0").cast(dtype)
