"""Hyperbolic functions, from the exponential at twice a float's precision."""

from __future__ import annotations

from questv.math.basic import copysign, fabs
from questv.math.exponential import (
    LARGEST,
    power_of_two,
    set_exponential,
    set_exponential_less_one,
    shifted,
)
from questv.math.pairs import Pair, normalize, set_ordered_sum, set_quotient
from questv.metal.lang import f64, local, metal

_ONE_SIDED = 22.0  # from here on the other exponential is too small to be seen


@metal(floats=True)
def sinh(x: f64) -> f64:
    """The hyperbolic sine."""
    size = fabs(x)
    if size > _ONE_SIDED:
        return copysign(_half_exponential(size), x)
    # With t = e**x - 1 it is (t + t / (t + 1)) / 2, whose two parts have one sign.
    t: Pair = local()
    set_exponential_less_one(t, size)
    normalize(t)
    more: Pair = local()
    set_ordered_sum(more, max(t.high, 1.0), min(t.high, 1.0))
    more.low += t.low
    ratio: Pair = local()
    set_quotient(ratio, t, more)
    total: Pair = local()
    set_ordered_sum(total, t.high, ratio.high)
    return copysign(0.5 * (total.high + (total.low + (t.low + ratio.low))), x)


@metal(floats=True)
def cosh(x: f64) -> f64:
    """The hyperbolic cosine."""
    size = fabs(x)
    if size > _ONE_SIDED:
        return _half_exponential(size)
    power: Pair = local()
    scale = power_of_two(set_exponential(power, size, 0.0))
    normalize(power)
    power.high *= scale
    power.low *= scale
    one: Pair = local()
    one.high = 1.0
    inverse: Pair = local()
    set_quotient(inverse, one, power)
    total: Pair = local()
    set_ordered_sum(total, power.high, inverse.high)
    return 0.5 * (total.high + (total.low + (power.low + inverse.low)))


@metal(floats=True)
def tanh(x: f64) -> f64:
    """The hyperbolic tangent."""
    # With t = e**(2 x) - 1 it is t / (t + 2).
    t: Pair = local()
    set_exponential_less_one(t, 2 * min(fabs(x), _ONE_SIDED))
    normalize(t)
    more: Pair = local()
    set_ordered_sum(more, max(t.high, 2.0), min(t.high, 2.0))
    more.low += t.low
    ratio: Pair = local()
    set_quotient(ratio, t, more)
    return copysign(ratio.high + ratio.low, x)


@metal(floats=True, inline=True)
def _half_exponential(size: f64) -> f64:
    power: Pair = local()
    shift = set_exponential(power, min(size, LARGEST), 0.0)
    return shifted(power.high + power.low, shift - 1)
