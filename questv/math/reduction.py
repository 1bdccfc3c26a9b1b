"""Angles brought into the eighth of a turn on either side of the nearest quarter.

After M. Payne and R. Hanek, Radian Reduction for Trigonometric Functions, SIGNUM Newsletter 18
(1983), in whole numbers: of the product of an angle and 2/pi only those binary digits are worked
out that are below four quarters and still matter. No float of 64 bits is nearer to a multiple of
pi/2 than 2**-61 (J.-M. Muller, Elementary Functions, 3rd ed., 11.3), so that of the 126 digits
after the point at least 63 remain.
"""

from __future__ import annotations

from questv.math import exact
from questv.math.basic import SIGN
from questv.metal.lang import (
    Array,
    constant,
    f64,
    float_bits,
    float_from_bits,
    i64,
    leading_zeros,
    metal,
    multiply_high,
    u64,
)
from questv.metal.structs import Struct

_WORDS = 20
_PADDING = 64  # zeros before the point, for angles of few quarters
_DIGITS = _WORDS * 64 - _PADDING
_TWO_OVER_PI = int(2 / exact.pi(_DIGITS + 64) * (1 << _DIGITS))
_INVERSE: Array[u64, _WORDS] = constant(
    [_TWO_OVER_PI >> 64 * (_WORDS - 1 - word) & u64.MAX for word in range(_WORDS)]
)
_QUARTER_PI = int(exact.PI / 4 * (1 << 128))
_QUARTER_PI_HIGH = _QUARTER_PI >> 64
_QUARTER_PI_LOW = _QUARTER_PI & u64.MAX

_FRACTION = (1 << 52) - 1


class Angle(Struct):
    """``quarters * pi / 2 + high + low``, with at most pi / 4 in the sum; quarters modulo 4."""

    quarters: u64
    high: f64
    low: f64


@metal(floats=True)
def reduce(to: Angle, x: f64) -> None:
    """Reduce a finite angle of at least 1/2 in magnitude."""
    bits = float_bits(x)
    sign = bits & SIGN
    digits = bits & _FRACTION | _FRACTION + 1
    # x is digits * 2**e. What of 2/pi weighs 2**(2 - e) or more gives whole turns, and is left out.
    position = (bits >> 52 & 0x7FF) - (1075 + 2) + _PADDING
    word = position >> 6
    shift = position & 63
    first = _INVERSE[word] << shift | _INVERSE[word + 1] >> 1 >> (63 - shift)
    second = _INVERSE[word + 1] << shift | _INVERSE[word + 2] >> 1 >> (63 - shift)
    third = _INVERSE[word + 2] << shift | _INVERSE[word + 3] >> 1 >> (63 - shift)

    # Quarters modulo 4, two digits before the point and 126 behind it.
    carried = multiply_high(digits, third)
    low = digits * second + carried
    high = digits * first + multiply_high(digits, second) + u64(low < carried)

    # The fraction, 128 digits; from a half on it is taken from the next quarter downwards.
    quarters = high >> 62
    high = high << 2 | low >> 62
    low = low << 2
    beyond = high >> 63
    quarters += beyond
    high ^= 0 - beyond
    low ^= 0 - beyond

    # Times pi / 4, which is half of what a quarter has.
    cross = multiply_high(high, _QUARTER_PI_LOW)
    other = multiply_high(low, _QUARTER_PI_HIGH)
    sum_low = cross + other
    carry = u64(sum_low < cross)
    product = high * _QUARTER_PI_HIGH
    low = product + sum_low
    high = multiply_high(high, _QUARTER_PI_HIGH) + carry + u64(low < product)

    # The leading 53 digits and the 63 that follow, as floats.
    zeros = leading_zeros(high)
    high = high << zeros | low >> 1 >> (63 - zeros)
    low = low << zeros
    negative = sign ^ beyond << 63
    to.high = float_from_bits((1022 - zeros << 52) + (high >> 11) | negative)
    rest = f64(i64(high << 52 & i64.MAX | low >> 12))
    to.low = rest * float_from_bits(1023 - 115 - zeros << 52 | negative)
    to.quarters = (0 - quarters if sign != 0 else quarters) & 3
