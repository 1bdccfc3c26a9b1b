"""Logarithms.

The argument is a power of two times a number around 1, and that is near one of 64 numbers whose
logarithms are in a table; what remains, below 0.01, goes into a Taylor series. After P. T. P. Tang,
Table-Driven Implementation of the Logarithm Function in IEEE Floating-Point Arithmetic, ACM TOMS 16
(1990), with products of few digits in place of its division.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from math import inf, nan

from questv.math import exact
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
)

_ENTRIES = 64
_SHIFT = 46  # six binary digits of the fraction are looked at
_FIRST = 0.7109375  # the smallest number of the table; twice that is beyond the largest
_FIRST_BITS: int = struct.unpack("<Q", struct.pack("<d", _FIRST))[0]
_HALF_A_STEP = 1 << _SHIFT - 1


def _float_of(bits: int) -> float:
    made: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return made


_NUMBERS = [_float_of(_FIRST_BITS + (index << _SHIFT)) for index in range(_ENTRIES)]
_INVERSES = [exact.rounded(1 / Fraction(number), 9) for number in _NUMBERS]
_LOGARITHMS = [-exact.logarithm(Fraction(inverse)) for inverse in _INVERSES]
# Multiples of 2**-42, as LN2_HIGH: their sums with whole multiples of it are exact.
_HIGHS = [exact.rounded(value, 42) for value in _LOGARITHMS]

_INVERSE: Array[f64, _ENTRIES] = constant(_INVERSES)
_HIGH: Array[f64, _ENTRIES] = constant(_HIGHS)
_LOW: Array[f64, _ENTRIES] = constant(
    [exact.rest(value, high) for value, high in zip(_LOGARITHMS, _HIGHS, strict=True)]
)
_LN2_HIGH = exact.rounded(exact.LN2, 42)
_LN2_LOW = exact.rest(exact.LN2, _LN2_HIGH)

_L3, _L4, _L5, _L6, _L7, _L8, _L9, _L10 = (
    float(Fraction((-1) ** (n + 1), n)) for n in range(3, 11)
)
_FEW_DIGITS = (1 << 64) - (1 << 27)  # 26 of a float's

_SMALLEST_NORMAL = 2.0**-1022
_LOG2_E = 1 / exact.LN2
_LOG2_E_HIGH = float(_LOG2_E)
_LOG2_E_LOW = exact.rest(_LOG2_E, _LOG2_E_HIGH)
_LOG10_E = 1 / (3 * exact.LN2 + exact.logarithm(Fraction(5, 4)))
_LOG10_E_HIGH = float(_LOG10_E)
_LOG10_E_LOW = exact.rest(_LOG10_E, _LOG10_E_HIGH)


@metal(floats=True)
def log(x: f64) -> f64:
    """The natural logarithm."""
    if not 0.0 < x < inf:
        return _at_the_edge(x)
    result: Pair = local()
    set_logarithm(result, x)
    return result.high + result.low


@metal(floats=True)
def log2(x: f64) -> f64:
    """The logarithm to base 2; exact for powers of two."""
    return _to_base(x, _LOG2_E_HIGH, _LOG2_E_LOW)


@metal(floats=True)
def log10(x: f64) -> f64:
    """The logarithm to base 10; exact for powers of ten that a float can be."""
    return _to_base(x, _LOG10_E_HIGH, _LOG10_E_LOW)


@metal(floats=True, inline=True)
def _to_base(x: f64, high: f64, low: f64) -> f64:
    if not 0.0 < x < inf:
        return _at_the_edge(x)
    natural: Pair = local()
    set_logarithm(natural, x)
    product: Pair = local()
    set_product(product, natural.high, high)
    return product.high + (product.low + (natural.high * low + natural.low * high))


@metal(floats=True, inline=True)
def _at_the_edge(x: f64) -> f64:
    """Of what is not above zero and finite."""
    if x == 0.0:
        return -inf
    return nan if x < 0.0 else x


@metal(floats=True, inline=True)
def set_logarithm(to: Pair, x: f64) -> None:
    """The natural logarithm within about 2**-66 of its size; 0 < x < infinity."""
    subnormal = x < _SMALLEST_NORMAL
    bits = float_bits(x * 2.0**54 if subnormal else x)
    steps = bits + _HALF_A_STEP - _FIRST_BITS  # to the nearest number of the table
    exponent = i64.wrap(steps) >> 52
    index = (steps >> _SHIFT) & (_ENTRIES - 1)
    around_one = bits - (steps & ~((1 << 52) - 1))
    power = f64(exponent - 54 if subnormal else exponent)

    # The rest f, number * (1 + f) = x, without an error: both factors have few digits.
    inverse = _INVERSE[index]
    few = float_from_bits(around_one & _FEW_DIGITS)
    f: Pair = local()
    set_sum(f, few * inverse - 1.0, (float_from_bits(around_one) - few) * inverse)
    h = f.high
    square: Pair = local()
    set_product(square, h, h)
    tail = _L3 + h * (_L4 + h * (_L5 + h * (_L6 + h * (_L7 + h * (_L8 + h * (_L9 + h * _L10))))))
    tail = square.high * h * tail - (0.5 * square.low + h * f.low)

    first: Pair = local()
    set_sum(first, power * _LN2_HIGH + _HIGH[index], h)
    second: Pair = local()
    set_sum(second, first.high, -0.5 * square.high)
    low = first.low + second.low + (power * _LN2_LOW + _LOW[index] + (f.low + tail))
    set_ordered_sum(to, second.high, low)
