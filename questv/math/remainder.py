"""The exact remainder of a division."""

from __future__ import annotations

from math import inf, nan

from questv.math.basic import SIGN, fabs
from questv.metal.lang import asm, f64, float_bits, float_from_bits, leading_zeros, metal, u64

_FRACTION = 52
_LEADING = 1 << _FRACTION  # the digit that is not stored


@metal(floats=True)
def fmod(x: f64, y: f64) -> f64:
    """What is left of ``x`` when whole multiples of ``y`` are taken away: exact, with x's sign.

    A NaN for an infinite ``x`` and for a ``y`` of zero. Numbers are whole multiples of powers of
    two: what ``x`` has of these beyond ``y`` is brought in 64 binary digits at a time, in at most
    31 divisions.
    """
    a = fabs(x)
    b = fabs(y)
    if not (a < inf and b > 0.0):
        return nan
    if a < b:
        return x
    power = _power(b)
    divisor = _multiple(b)
    excess = _power(a) - power
    left = _multiple(a) % divisor
    digits = excess & 63
    # The high half of what is divided stays below the divisor, so that the quotient fits.
    left = _divide(left >> 1 >> (63 - digits), left << digits, divisor)
    for _ in range(excess >> 6):
        left = _divide(left, 0, divisor)
    if left == 0:
        return float_from_bits(float_bits(x) & SIGN)
    shift = min(leading_zeros(left) - (63 - _FRACTION), power)
    size = (left << shift) + (power - shift << _FRACTION)
    return float_from_bits(size | float_bits(x) & SIGN)


@metal(floats=True, inline=True)
def _power(size: f64) -> u64:
    """The exponent of the last digit, counted from the smallest."""
    return max(float_bits(size) >> _FRACTION, 1) - 1


@metal(floats=True, inline=True)
def _multiple(size: f64) -> u64:
    """The digits as a whole number."""
    bits = float_bits(size)
    fraction = bits & (_LEADING - 1)
    return fraction | _LEADING if bits >= _LEADING else fraction


@metal(inline=True)
def _divide(high: u64, low: u64, divisor: u64) -> u64:
    """The remainder of a number of 128 bits."""
    _, rest = asm("div $4", (u64, u64), "={rax},={rdx},0,1,r", low, high, divisor)
    return rest
