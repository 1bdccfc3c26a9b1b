"""Sine, cosine and tangent.

The angle is brought into an eighth of a turn; there it is a whole multiple of pi/32, whose sine and
cosine are in a table, and a rest of at most pi/64, for which Taylor series are short. See J.-M.
Muller, Elementary Functions, 3rd ed., chapter 6, on tables with series.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial, inf, pi

from questv.math import exact
from questv.math.basic import SIGN, copysign, fabs
from questv.math.pairs import Pair, normalize, set_product, set_quotient, set_sum
from questv.math.reduction import Angle, reduce
from questv.metal.lang import (
    Array,
    constant,
    f64,
    float_bits,
    float_from_bits,
    local,
    metal,
    u64,
)
from questv.metal.structs import Struct

_EIGHTH_TURN = pi / 4

_STEPS = 8
_STEP = exact.PI / 32
_PER_STEP = float(1 / _STEP)
_STEP_HIGH = exact.rounded(_STEP, 52)  # times any number of steps it is exact
_STEP_LOW = exact.rest(_STEP, _STEP_HIGH)
_ROUNDING = 2.0**52  # a sum with it is whole, and ends in the bits of a whole number

_SINES = [exact.sine(step * _STEP) for step in range(_STEPS + 1)]
_COSINES = [exact.cosine(step * _STEP) for step in range(_STEPS + 1)]
_SINE: Array[f64, _STEPS + 1] = constant([float(value) for value in _SINES])
_SINE_LOW: Array[f64, _STEPS + 1] = constant([exact.rest(v, float(v)) for v in _SINES])
_COSINE: Array[f64, _STEPS + 1] = constant([float(value) for value in _COSINES])
_COSINE_LOW: Array[f64, _STEPS + 1] = constant([exact.rest(v, float(v)) for v in _COSINES])

_S3, _S5, _S7, _S9 = (float(Fraction((-1) ** (n // 2), factorial(n))) for n in (3, 5, 7, 9))
_C2, _C4, _C6, _C8 = (float(Fraction((-1) ** (n // 2), factorial(n))) for n in (2, 4, 6, 8))


class _Place(Struct):
    """An angle of ``quarters``, and ``step`` steps and ``rest`` with the sign ``sign``."""

    quarters: u64
    sign: u64
    step: u64
    rest: Pair
    sine: f64
    """The sine of the rest, less the high part of that."""
    cosine: f64
    """The cosine of the rest, less 1."""


@metal(floats=True)
def sin(x: f64) -> f64:
    """The sine of an angle in radians."""
    return _turned(x, 0)


@metal(floats=True)
def cos(x: f64) -> f64:
    """The cosine of an angle in radians."""
    return _turned(x, 1)


@metal(floats=True)
def tan(x: f64) -> f64:
    """The tangent of an angle in radians."""
    place: _Place = local()
    _find(place, x)
    sine: Pair = local()
    _set_sine(sine, place, 0)
    normalize(sine)
    cosine: Pair = local()
    _set_sine(cosine, place, 1)
    normalize(cosine)
    ratio: Pair = local()
    set_quotient(ratio, sine, cosine)
    sign = place.sign ^ place.quarters << 63
    return float_from_bits(float_bits(ratio.high + ratio.low) ^ sign)


@metal(floats=True, inline=True)
def _turned(x: f64, quarters: u64) -> f64:
    """The sine of an angle and some quarters."""
    place: _Place = local()
    _find(place, x)
    sine: Pair = local()
    _set_sine(sine, place, quarters)
    quarters += place.quarters
    sign = (place.sign if quarters & 1 == 0 else 0) ^ quarters << 62 & SIGN
    return float_from_bits(float_bits(sine.high + sine.low) ^ sign)


@metal(floats=True, inline=True)
def _find(place: _Place, x: f64) -> None:
    angle: Angle = local()
    angle.high = x
    if fabs(x) > _EIGHTH_TURN:
        if fabs(x) < inf:
            reduce(angle, x)
        else:
            angle.high = x - x
    size = fabs(angle.high)
    rounded = size * _PER_STEP + _ROUNDING
    steps = rounded - _ROUNDING
    place.quarters = angle.quarters
    place.sign = float_bits(angle.high) & SIGN
    place.step = min(float_bits(rounded) & 15, _STEPS)
    low = angle.low * copysign(1.0, angle.high)
    set_sum(place.rest, size - steps * _STEP_HIGH, low - steps * _STEP_LOW)
    r = place.rest.high
    z = r * r
    place.sine = r * z * (_S3 + z * (_S5 + z * (_S7 + z * _S9))) + place.rest.low
    place.cosine = z * (_C2 + z * (_C4 + z * (_C6 + z * _C8)))


@metal(floats=True, inline=True)
def _set_sine(to: Pair, place: _Place, quarters: u64) -> None:
    """The sine of an angle, or its cosine if ``quarters`` is 1, without its sign."""
    turned = (place.quarters + quarters) & 1 != 0
    step = place.step
    # sin(a + r) = sin(a) cos(r) + cos(a) sin(r), cos(a + r) = cos(a) cos(r) - sin(a) sin(r)
    by_cosine = _COSINE[step] if turned else _SINE[step]
    by_cosine_low = _COSINE_LOW[step] if turned else _SINE_LOW[step]
    by_sine = -_SINE[step] if turned else _COSINE[step]
    by_sine_low = -_SINE_LOW[step] if turned else _COSINE_LOW[step]
    r = place.rest.high
    product: Pair = local()
    set_product(product, by_sine, r)
    set_sum(to, by_cosine, product.high)
    more = by_cosine * place.cosine + by_sine * place.sine
    to.low += product.low + (more + (by_cosine_low + by_sine_low * r))
