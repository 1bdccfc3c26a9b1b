"""The functions of questv.math for ``f32``, under the same names.

Each is the one for ``f64``, rounded: its error is that of one rounding, half a unit in the last
place and next to nothing more. What is exact or correctly rounded there is so here.
"""

from __future__ import annotations

from questv import math as double
from questv.metal.lang import f32, f64, metal, square_root


@metal(floats=True, inline=True)
def is_nan(x: f32) -> bool:
    """Whether it is not a number."""
    return double.is_nan(f64(x))


@metal(floats=True, inline=True)
def is_finite(x: f32) -> bool:
    """Whether it is neither infinite nor a NaN."""
    return double.is_finite(f64(x))


@metal(floats=True, inline=True)
def fabs(x: f32) -> f32:
    """The magnitude."""
    return f32(double.fabs(f64(x)))


@metal(floats=True, inline=True)
def copysign(x: f32, sign: f32) -> f32:
    """The magnitude of ``x`` with the sign of ``sign``."""
    return f32(double.copysign(f64(x), f64(sign)))


@metal(floats=True, inline=True)
def minimum(a: f32, b: f32) -> f32:
    """The smaller, -0 before +0; a NaN if either is one."""
    return f32(double.minimum(f64(a), f64(b)))


@metal(floats=True, inline=True)
def maximum(a: f32, b: f32) -> f32:
    """The larger, +0 before -0; a NaN if either is one."""
    return f32(double.maximum(f64(a), f64(b)))


@metal(floats=True, inline=True)
def clamp(x: f32, low: f32, high: f32) -> f32:
    """The number nearest to ``x`` from ``low`` to ``high``; a NaN stays one."""
    return min(max(x, low), high)


@metal(floats=True, inline=True)
def sqrt(x: f32) -> f32:
    """The square root, correctly rounded; a NaN below zero."""
    return square_root(x)


@metal(floats=True, inline=True)
def floor(x: f32) -> f32:
    """Downwards to a whole number."""
    return f32(double.floor(f64(x)))


@metal(floats=True, inline=True)
def ceil(x: f32) -> f32:
    """Upwards to a whole number."""
    return f32(double.ceil(f64(x)))


@metal(floats=True, inline=True)
def trunc(x: f32) -> f32:
    """Towards zero to a whole number."""
    return f32(double.trunc(f64(x)))


@metal(floats=True, inline=True)
def round(x: f32) -> f32:
    """The nearest whole number, of two the even one."""
    return f32(double.round(f64(x)))


@metal(floats=True)
def fmod(x: f32, y: f32) -> f32:
    """What is left of ``x`` when whole multiples of ``y`` are taken away: exact, with x's sign."""
    return f32(double.fmod(f64(x), f64(y)))


@metal(floats=True)
def exp(x: f32) -> f32:
    """e to the power of x."""
    return f32(double.exp(f64(x)))


@metal(floats=True)
def expm1(x: f32) -> f32:
    """e to the power of x, less 1, also where that is small."""
    return f32(double.expm1(f64(x)))


@metal(floats=True)
def log(x: f32) -> f32:
    """The natural logarithm."""
    return f32(double.log(f64(x)))


@metal(floats=True)
def log2(x: f32) -> f32:
    """The logarithm to base 2."""
    return f32(double.log2(f64(x)))


@metal(floats=True)
def log10(x: f32) -> f32:
    """The logarithm to base 10."""
    return f32(double.log10(f64(x)))


@metal(floats=True)
def pow(x: f32, y: f32) -> f32:
    """``x`` to the power of ``y``."""
    return f32(double.pow(f64(x), f64(y)))


@metal(floats=True)
def hypot(x: f32, y: f32) -> f32:
    """The root of ``x * x + y * y``."""
    return f32(double.hypot(f64(x), f64(y)))


@metal(floats=True)
def sin(x: f32) -> f32:
    """The sine of an angle in radians."""
    return f32(double.sin(f64(x)))


@metal(floats=True)
def cos(x: f32) -> f32:
    """The cosine of an angle in radians."""
    return f32(double.cos(f64(x)))


@metal(floats=True)
def tan(x: f32) -> f32:
    """The tangent of an angle in radians."""
    return f32(double.tan(f64(x)))


@metal(floats=True)
def asin(x: f32) -> f32:
    """The arc sine, from -pi/2 to pi/2; a NaN beyond -1 and 1."""
    return f32(double.asin(f64(x)))


@metal(floats=True)
def acos(x: f32) -> f32:
    """The arc cosine, from 0 to pi; a NaN beyond -1 and 1."""
    return f32(double.acos(f64(x)))


@metal(floats=True)
def atan(x: f32) -> f32:
    """The arc tangent, from -pi/2 to pi/2."""
    return f32(double.atan(f64(x)))


@metal(floats=True)
def atan2(y: f32, x: f32) -> f32:
    """The direction of the point (x, y), from -pi to pi."""
    return f32(double.atan2(f64(y), f64(x)))


@metal(floats=True)
def sinh(x: f32) -> f32:
    """The hyperbolic sine."""
    return f32(double.sinh(f64(x)))


@metal(floats=True)
def cosh(x: f32) -> f32:
    """The hyperbolic cosine."""
    return f32(double.cosh(f64(x)))


@metal(floats=True)
def tanh(x: f32) -> f32:
    """The hyperbolic tangent."""
    return f32(double.tanh(f64(x)))
