"""Inverse trigonometric functions: all are the direction of a point, given by two coordinates.

A direction below 45 degrees is one of those with the tangents 0, 1/8, ..., 1, from a table, and a
rest of which the arc tangent is a Taylor series; the point is turned back by the first to get the
second. See J.-M. Muller, Elementary Functions, 3rd ed., chapter 6, on tables with series.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

from questv.math import exact
from questv.math.basic import copysign, fabs
from questv.math.pairs import (
    Pair,
    normalize,
    set_ordered_sum,
    set_product,
    set_quotient,
    set_root,
    set_sum,
)
from questv.math.scaling import scale_for
from questv.metal.lang import Array, constant, f64, float_bits, local, metal

_STEPS = 8
_ROUNDING = 2.0**52  # a sum with it is whole, and ends in the bits of a whole number
_ANGLES = [exact.arc_tangent(Fraction(step, _STEPS)) for step in range(_STEPS + 1)]
_HIGH: Array[f64, _STEPS + 1] = constant([float(angle) for angle in _ANGLES])
_LOW: Array[f64, _STEPS + 1] = constant([exact.rest(angle, float(angle)) for angle in _ANGLES])
_A3, _A5, _A7, _A9, _A11, _A13 = (float(Fraction((-1) ** (n // 2), n)) for n in range(3, 14, 2))
_PI_HIGH = float(exact.PI)
_PI_LOW = exact.rest(exact.PI, _PI_HIGH)
_HUGE = 2.0**64  # the arc tangent of more is no other float


@metal(floats=True)
def atan(x: f64) -> f64:
    """The arc tangent, from -pi/2 to pi/2."""
    if x != x:
        return x
    y: Pair = local()
    y.high = min(fabs(x), _HUGE)
    one: Pair = local()
    one.high = 1.0
    return copysign(_direction(y, one, False), x)


@metal(floats=True)
def atan2(y: f64, x: f64) -> f64:
    """The direction of the point (x, y), from -pi to pi; of the origin it is that of the signs."""
    if x != x or y != y:
        return nan
    height = fabs(y)
    width = fabs(x)
    largest = max(height, width)
    if largest == 0.0:
        width = 1.0
    elif largest == inf:
        height = 1.0 if height == inf else 0.0
        width = 1.0 if width == inf else 0.0
    elif height * _HUGE < width and x > 0.0:
        return y / x
    scale = scale_for(largest)
    up: Pair = local()
    up.high = height * scale
    across: Pair = local()
    across.high = width * scale
    return copysign(_direction(up, across, copysign(1.0, x) < 0.0), y)


@metal(floats=True)
def asin(x: f64) -> f64:
    """The arc sine, from -pi/2 to pi/2; a NaN beyond -1 and 1."""
    if not fabs(x) <= 1.0:
        return nan
    y: Pair = local()
    y.high = fabs(x)
    rest: Pair = local()
    _set_other_side(rest, x)
    return copysign(_direction(y, rest, False), x)


@metal(floats=True)
def acos(x: f64) -> f64:
    """The arc cosine, from 0 to pi; a NaN beyond -1 and 1."""
    if not fabs(x) <= 1.0:
        return nan
    width: Pair = local()
    width.high = fabs(x)
    rest: Pair = local()
    _set_other_side(rest, x)
    return _direction(rest, width, x < 0.0)


@metal(floats=True, inline=True)
def _set_other_side(to: Pair, x: f64) -> None:
    """The root of 1 - x * x."""
    square: Pair = local()
    set_product(square, x, x)
    rest: Pair = local()
    set_ordered_sum(rest, 1.0, -square.high)
    rest.low -= square.low
    to.high = 0.0
    to.low = 0.0
    if rest.high > 0.0:
        set_root(to, rest)
        normalize(to)


@metal(floats=True)
def _direction(y: Pair, x: Pair, backwards: bool) -> f64:
    """The direction of (x, y), or (-x, y) if ``backwards``, from 0 to pi; none is below zero."""
    steep = y.high > x.high
    near: Pair = local()
    near.high = x.high if steep else y.high
    near.low = x.low if steep else y.low
    far: Pair = local()
    far.high = y.high if steep else x.high
    far.low = y.low if steep else x.low

    rounded = near.high / far.high * _STEPS + _ROUNDING
    index = float_bits(rounded) & 15
    tangent = (rounded - _ROUNDING) / _STEPS

    product: Pair = local()
    set_product(product, tangent, far.high)
    over: Pair = local()
    over.high = near.high - product.high  # exact: one is at most twice the other, or zero
    over.low = near.low - product.low - tangent * far.low
    set_product(product, tangent, near.high)
    under: Pair = local()
    set_ordered_sum(under, far.high, product.high)
    under.low += far.low + product.low + tangent * near.low
    t: Pair = local()
    set_quotient(t, over, under)

    z = t.high * t.high
    series = _A3 + z * (_A5 + z * (_A7 + z * (_A9 + z * (_A11 + z * _A13))))
    angle: Pair = local()
    set_sum(angle, _HIGH[index], t.high)
    angle.low += t.low + (t.high * z * series + _LOW[index])

    # That is from the nearer axis; count from the positive one of x.
    sign: f64 = 1.0 if steep == backwards else -1.0
    axis: f64 = _PI_HIGH if backwards else 0.0
    axis_low: f64 = _PI_LOW if backwards else 0.0
    if steep:
        axis = 0.5 * _PI_HIGH
        axis_low = 0.5 * _PI_LOW
    result: Pair = local()
    set_sum(result, axis, sign * angle.high)
    return result.high + (result.low + (axis_low + sign * angle.low))
