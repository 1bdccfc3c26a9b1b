"""Whole numbers: exact, with the sign of the argument on zeros."""

from __future__ import annotations

from questv.math.basic import copysign, fabs
from questv.metal.lang import f64, metal

_WHOLE = 2.0**52  # from here on every float is whole


@metal(floats=True, inline=True)
def round(x: f64) -> f64:
    """The nearest whole number, of two the even one."""
    return copysign(_nearest(fabs(x)), x)


@metal(floats=True, inline=True)
def trunc(x: f64) -> f64:
    """Towards zero."""
    size = fabs(x)
    whole = _nearest(size)
    return copysign(whole - 1 if whole > size else whole, x)


@metal(floats=True, inline=True)
def floor(x: f64) -> f64:
    """Downwards."""
    whole = round(x)
    return whole - 1 if whole > x else whole


@metal(floats=True, inline=True)
def ceil(x: f64) -> f64:
    """Upwards."""
    whole = round(x)
    return copysign(whole + 1 if whole < x else whole, x)


@metal(floats=True, inline=True)
def _nearest(size: f64) -> f64:
    """The sum has no room for a fraction, and is rounded like any other."""
    return (size + _WHOLE) - _WHOLE if size < _WHOLE else size
