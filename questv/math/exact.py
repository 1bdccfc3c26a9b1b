"""Exact numbers for tables and constants: plain Python, run when the functions are compiled.

Each is a fraction within 2**-190 of the number that it stands for. That is many digits more than a
float keeps, so that what is rounded to a float here is the nearest float.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

BITS = 200


def logarithm(value: Fraction) -> Fraction:
    """The natural logarithm of a number around 1: twice the inverse hyperbolic tangent's series."""
    if value < 1:
        return -logarithm(1 / value)
    ratio = (value - 1) / (value + 1)
    square = ratio * ratio
    power = _fixed(ratio, BITS)
    total, divisor = 0, 1
    while power:
        total += power // divisor
        power = power * square.numerator // square.denominator
        divisor += 2
    return Fraction(2 * total, 1 << BITS)


def arc_tangent(value: Fraction, bits: int = BITS) -> Fraction:
    """The arc tangent of a number from 0 to 1, by Euler's series; each term at least halves."""
    square = value * value
    factor = square / (1 + square)
    term = _fixed(value / (1 + square), bits)
    total, index = 0, 0
    while term:
        total += term
        index += 1
        term = term * factor.numerator * 2 * index // (factor.denominator * (2 * index + 1))
    return Fraction(total, 1 << bits)


def sine(value: Fraction) -> Fraction:
    """The sine of a number from 0 to 1, by its Taylor series."""
    return _alternating(value, value, 1)


def cosine(value: Fraction) -> Fraction:
    """The cosine, likewise."""
    return _alternating(Fraction(1), value, 0)


def power_of_two(numerator: int, halvings: int) -> Fraction:
    """Two to the power of ``numerator / 2**halvings``, by square roots."""
    root = 2 << 2 * BITS
    for _ in range(halvings):
        root = isqrt(root << 2 * BITS)
    return Fraction(root, 1 << 2 * BITS) ** numerator


def pi(bits: int = BITS) -> Fraction:
    """The number, ``bits`` binary digits of it."""
    return 4 * arc_tangent(Fraction(1), bits + 16)


def _alternating(first: Fraction, value: Fraction, degree: int) -> Fraction:
    """The terms after ``first``, which is of ``degree``, are two degrees apart."""
    square = _fixed(value * value, BITS)
    term = _fixed(first, BITS)
    total, sign = 0, 1
    while term:
        total += sign * term
        sign = -sign
        term = (term * square >> BITS) // ((degree + 1) * (degree + 2))
        degree += 2
    return Fraction(total, 1 << BITS)


def _fixed(value: Fraction, bits: int) -> int:
    return (value.numerator << bits) // value.denominator


LN2 = logarithm(Fraction(2))
PI = pi()


def rounded(value: Fraction, digits: int) -> float:
    """The multiple of 2**-digits that is nearest, if it fits a float."""
    return float(Fraction(round(value * (1 << digits)), 1 << digits))


def rest(value: Fraction, *taken: float) -> float:
    """The nearest float to what is left of a number when others are taken away."""
    return float(value - sum(map(Fraction, taken)))
