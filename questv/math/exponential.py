"""Powers of e.

The argument is a whole multiple of ln(2) / 32 and a rest, as in P. T. P. Tang, Table-Driven
Implementation of the Exponential Function in IEEE Floating-Point Arithmetic, ACM TOMS 15 (1989).
The first is looked up and shifted; of the rest, at most ln(2) / 64, the exponential is a Taylor
series.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

from questv.math import exact
from questv.math.basic import copysign
from questv.math.pairs import Pair, set_ordered_sum, set_product, set_sum
from questv.metal.lang import (
    Array,
    constant,
    f64,
    float_bits,
    float_from_bits,
    i64,
    local,
    metal,
    u64,
)
from questv.metal.structs import Struct

LARGEST = 711.0
"""The exponential of this is beyond the largest float, and so is half of it."""
SMALLEST = -746.0
"""The exponential of this rounds to zero."""
_NOTHING_TO_ONE = 40.0  # the exponential of this keeps no digit of a one that is taken away

_STEPS = 32
_STEP = exact.LN2 / _STEPS
_PER_STEP = float(1 / _STEP)
_STEP_HIGH = exact.rounded(_STEP, 42)  # times any number of steps it is exact
_STEP_LOW = exact.rest(_STEP, _STEP_HIGH)
_POWERS = [exact.power_of_two(step, 5) for step in range(_STEPS)]
_HIGH: Array[f64, _STEPS] = constant([float(power) for power in _POWERS])
_LOW: Array[f64, _STEPS] = constant([exact.rest(power, float(power)) for power in _POWERS])

_E2, _E3, _E4, _E5, _E6, _E7 = (float(Fraction(1, factorial(n))) for n in range(2, 8))

_ROUNDING = 1.5 * 2.0**52  # a sum with it is whole, and ends in the bits of a whole number


class _Parts(Struct):
    """The exponential is 2**shift * (high * (1 + rest + more) + low)."""

    shift: i64
    high: f64
    low: f64
    rest: f64
    more: f64


@metal(floats=True)
def exp(x: f64) -> f64:
    """e to the power of x."""
    power: Pair = local()
    shift = set_exponential(power, max(min(x, LARGEST), SMALLEST), 0.0)
    return shifted(power.high + power.low, shift)


@metal(floats=True)
def expm1(x: f64) -> f64:
    """e to the power of x, less 1, also where that is small."""
    if x > _NOTHING_TO_ONE:
        return exp(x)
    power: Pair = local()
    set_exponential_less_one(power, max(x, -_NOTHING_TO_ONE))
    return copysign(power.high + power.low, x)


@metal(floats=True, inline=True)
def set_exponential(to: Pair, x: f64, more: f64) -> i64:
    """The exponential of ``x + more`` is ``to`` shifted by the result; SMALLEST <= x <= LARGEST."""
    parts: _Parts = local()
    _take_apart(parts, x, more)
    product: Pair = local()
    set_product(product, parts.high, parts.rest)
    set_ordered_sum(to, parts.high, product.high)
    to.low += product.low + (parts.high * parts.more + parts.low)
    return parts.shift


@metal(floats=True, inline=True)
def set_exponential_less_one(to: Pair, x: f64) -> None:
    """The exponential of ``x``, less 1, which is small beside it only for 45 < |x|."""
    parts: _Parts = local()
    _take_apart(parts, x, 0.0)
    scale = power_of_two(parts.shift)
    high = parts.high * scale
    product: Pair = local()
    set_product(product, high, parts.rest)
    less: Pair = local()
    set_sum(less, high, -1.0)
    set_sum(to, less.high, product.high)
    to.low += less.low + product.low + (high * parts.more + parts.low * scale)


@metal(floats=True, inline=True)
def _take_apart(parts: _Parts, x: f64, more: f64) -> None:
    rounded = x * _PER_STEP + _ROUNDING
    steps = rounded - _ROUNDING
    index = float_bits(rounded) & (_STEPS - 1)
    parts.shift = (i64.wrap(float_bits(rounded)) << 13) >> 18
    parts.high = _HIGH[index]
    rest: Pair = local()
    set_sum(rest, x - steps * _STEP_HIGH, more - steps * _STEP_LOW)
    r = rest.high
    series = _E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * (_E6 + r * _E7))))
    parts.rest = r
    parts.low = _LOW[index] * (1.0 + r)
    parts.more = r * r * series + rest.low


@metal(floats=True, inline=True)
def power_of_two(exponent: i64) -> f64:
    """The float 2**exponent; -1023 < exponent < 1024."""
    return float_from_bits(u64.wrap(exponent + 1023) << 52)


@metal(floats=True, inline=True)
def shifted(x: f64, exponent: i64) -> f64:
    """``x * 2**exponent``, rounded once; -2045 < exponent < 2047."""
    half = exponent >> 1
    return x * power_of_two(half) * power_of_two(exponent - half)
