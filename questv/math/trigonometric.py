"""Sine, cosine and tangent: Taylor series after the angle is brought near zero.

The terms stop where the next one is below a hundredth of a unit in the last place.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial, inf, pi

from questv.math.basic import SIGN, fabs
from questv.math.pairs import Pair, normalize, set_ordered_sum, set_product, set_quotient
from questv.math.reduction import Angle, reduce
from questv.metal.lang import f64, float_bits, float_from_bits, local, metal, u64

_EIGHTH_TURN = pi / 4
_TINY = 2.0**-27  # sine and tangent of it are itself


def _term(n: int) -> float:
    return float(Fraction((-1) ** (n // 2), factorial(n)))


_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17 = map(_term, range(3, 18, 2))
_C4, _C6, _C8, _C10, _C12, _C14, _C16 = map(_term, range(4, 17, 2))


@metal(floats=True)
def sin(x: f64) -> f64:
    """The sine of an angle in radians."""
    if fabs(x) < _TINY:
        return x
    return _turned(x, 0)


@metal(floats=True)
def cos(x: f64) -> f64:
    """The cosine of an angle in radians."""
    return _turned(x, 1)


@metal(floats=True)
def tan(x: f64) -> f64:
    """The tangent of an angle in radians."""
    if fabs(x) < _TINY:
        return x
    angle: Angle = local()
    _set_angle(angle, x)
    square: Pair = local()
    set_product(square, angle.high, angle.high)
    sine: Pair = local()
    set_ordered_sum(sine, angle.high, _sine_correction(angle, square.high))
    cosine: Pair = local()
    set_ordered_sum(cosine, 1.0, -0.5 * square.high)
    cosine.low += _cosine_correction(angle, square.high) - 0.5 * square.low
    normalize(cosine)
    ratio: Pair = local()
    if angle.quarters & 1 == 0:
        set_quotient(ratio, sine, cosine)
        return ratio.high + ratio.low
    set_quotient(ratio, cosine, sine)
    return -(ratio.high + ratio.low)


@metal(floats=True, inline=True)
def _turned(x: f64, quarters: u64) -> f64:
    """The sine of an angle and some quarters."""
    angle: Angle = local()
    _set_angle(angle, x)
    quarters += angle.quarters
    square = angle.high * angle.high
    if quarters & 1 == 0:
        value = angle.high + _sine_correction(angle, square)
    else:
        half = 0.5 * square
        leading = 1.0 - half
        value = leading + (((1.0 - leading) - half) + _cosine_correction(angle, square))
    return float_from_bits(float_bits(value) ^ quarters << 62 & SIGN)


@metal(floats=True, inline=True)
def _set_angle(angle: Angle, x: f64) -> None:
    angle.high = x
    if fabs(x) > _EIGHTH_TURN:
        if fabs(x) < inf:
            reduce(angle, x)
        else:
            angle.high = x - x


@metal(floats=True, inline=True)
def _sine_correction(angle: Angle, z: f64) -> f64:
    """The sine of an angle near zero, less the angle's leading part; ``z`` is that squared."""
    series = _S9 + z * (_S11 + z * (_S13 + z * (_S15 + z * _S17)))
    series = _S3 + z * (_S5 + z * (_S7 + z * series))
    return angle.high * z * series + angle.low * (1.0 - 0.5 * z)


@metal(floats=True, inline=True)
def _cosine_correction(angle: Angle, z: f64) -> f64:
    """The cosine, less 1 - z / 2."""
    series = _C10 + z * (_C12 + z * (_C14 + z * _C16))
    series = _C4 + z * (_C6 + z * (_C8 + z * series))
    return z * z * series - angle.high * angle.low
