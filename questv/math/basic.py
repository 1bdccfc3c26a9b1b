"""What concerns the sign, the kind and the order of numbers."""

from __future__ import annotations

from math import inf

from questv.metal.lang import f64, float_bits, float_from_bits, metal, square_root

SIGN = 1 << 63
_MAGNITUDE = SIGN - 1


@metal(floats=True, inline=True)
def is_nan(x: f64) -> bool:
    """Whether it is not a number."""
    return x != x


@metal(floats=True, inline=True)
def is_finite(x: f64) -> bool:
    """Whether it is neither infinite nor a NaN."""
    return fabs(x) < inf


@metal(floats=True, inline=True)
def fabs(x: f64) -> f64:
    """The magnitude."""
    return float_from_bits(float_bits(x) & _MAGNITUDE)


@metal(floats=True, inline=True)
def copysign(x: f64, sign: f64) -> f64:
    """The magnitude of ``x`` with the sign of ``sign``, zeros and NaNs as well."""
    return float_from_bits(float_bits(x) & _MAGNITUDE | float_bits(sign) & SIGN)


@metal(floats=True, inline=True)
def minimum(a: f64, b: f64) -> f64:
    """The smaller, -0 before +0; a NaN if either is one."""
    if a == b:
        return float_from_bits(float_bits(a) | float_bits(b))
    return a if a < b or a != a else b


@metal(floats=True, inline=True)
def maximum(a: f64, b: f64) -> f64:
    """The larger, +0 before -0; a NaN if either is one."""
    if a == b:
        return float_from_bits(float_bits(a) & float_bits(b))
    return a if a > b or a != a else b


@metal(floats=True, inline=True)
def clamp(x: f64, low: f64, high: f64) -> f64:
    """The number nearest to ``x`` from ``low`` to ``high``; a NaN stays one."""
    return min(max(x, low), high)


@metal(floats=True, inline=True)
def sqrt(x: f64) -> f64:
    """The square root, correctly rounded; a NaN below zero."""
    return square_root(x)
