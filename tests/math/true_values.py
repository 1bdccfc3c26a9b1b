"""The functions at sixty digits, by way of the decimal module, and errors against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

DIGITS = 60
_CONTEXT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)
_SMALL = Decimal("1e-70")

F64, F32 = (53, -1022), (24, -126)
"""Digits, and the exponent of the smallest normal number."""


def unit(value: Decimal, digits: int, smallest: int) -> Fraction:
    """The weight of the last digit of the floats around a number above zero."""
    exact = Fraction(value)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    exponent -= exact < Fraction(2) ** exponent
    return Fraction(2) ** (max(exponent, smallest) - digits + 1)


def error(found: float, name: str, *arguments: float, format: tuple[int, int] = F64) -> float:
    """How far a finite result is from the truth, in units in the last place."""
    true = value(name, *arguments)
    if true == 0:
        return 0.0 if found == 0 else math.inf
    return float(abs(Fraction(found) - Fraction(true)) / unit(abs(true), *format))


def value(name: str, *arguments: float) -> Decimal:
    """The function at finite arguments of its domain where it is no infinity."""
    with localcontext(_CONTEXT):
        return _FUNCTIONS[name](*map(Decimal, arguments))


def _series(first: Decimal, ratio: Callable[[int], Decimal]) -> Decimal:
    total = term = first
    index = 0
    while term and abs(term) > abs(total) * _SMALL:
        index += 1
        term *= ratio(index)
        total += term
    return total


def _arc_tangent(x: Decimal) -> Decimal:
    halvings = 0
    while abs(x) > Decimal("0.1"):
        x = x / (1 + (1 + x * x).sqrt())
        halvings += 1
    square = -x * x
    return _series(x, lambda n: square * (2 * n - 1) / (2 * n + 1)) * 2**halvings


with localcontext(Context(prec=420)):
    # Machin's formula in whole numbers; so many digits that the largest float can be reduced.
    def _inverse_arc_tangent(n: int) -> int:
        power, total, k = 10**420 // n, 0, 0
        while power:
            total += (-1) ** k * power // (2 * k + 1)
            power //= n * n
            k += 1
        return total

    _PI_LONG = Decimal(4 * (4 * _inverse_arc_tangent(5) - _inverse_arc_tangent(239))) / 10**420
_PI = _PI_LONG


def _reduced(x: Decimal) -> tuple[int, Decimal]:
    with localcontext(Context(prec=420)):
        quarters = (x / (_PI_LONG / 2)).to_integral_value()
        return int(quarters) % 4, x - quarters * _PI_LONG / 2


def _sine(x: Decimal, turned: int = 0) -> Decimal:
    quarters, rest = _reduced(x)
    quarters = (quarters + turned) % 4
    square = -(+rest) * +rest
    if quarters % 2 == 0:
        result = _series(+rest, lambda n: square / (2 * n * (2 * n + 1)))
    else:
        result = _series(Decimal(1), lambda n: square / (2 * n * (2 * n - 1)))
    return result if quarters < 2 else -result


def _less_one(x: Decimal) -> Decimal:
    if abs(x) < 1:
        return _series(x, lambda n: x / (n + 1))
    return x.exp() - 1


def _hyperbolic_sine(x: Decimal) -> Decimal:
    t = _less_one(abs(x))
    return ((t + t / (t + 1)) / 2).copy_sign(x)


def _hyperbolic_tangent(x: Decimal) -> Decimal:
    t = _less_one(min(2 * abs(x), Decimal(500)))  # beyond, all of sixty digits are nines
    return (t / (t + 2)).copy_sign(x)


def _direction(y: Decimal, x: Decimal) -> Decimal:
    if x == 0 and y != 0:
        return (_PI / 2).copy_sign(y)
    angle = _arc_tangent(y / x) if x != 0 else Decimal(0)
    return angle + _PI.copy_sign(y) if x.is_signed() else angle


def _power(x: Decimal, y: Decimal) -> Decimal:
    if y == 0:
        return Decimal(1)
    result = (y * abs(x).ln()).exp()
    return -result if x < 0 and int(y) % 2 != 0 else result


def _root(x: Decimal) -> Decimal:
    return x.sqrt()


def _other_side(x: Decimal) -> Decimal:
    with localcontext(Context(prec=2 * DIGITS)):
        rest = 1 - x * x
    return rest.sqrt()


_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "sqrt": _root,
    "hypot": lambda x, y: (x * x + y * y).sqrt(),
    "exp": lambda x: x.exp(),
    "expm1": _less_one,
    "log": lambda x: x.ln(),
    "log2": lambda x: x.ln() / Decimal(2).ln(),
    "log10": lambda x: x.log10(),
    "pow": _power,
    "sin": _sine,
    "cos": lambda x: _sine(x, 1),
    "tan": lambda x: _sine(x) / _sine(x, 1),
    "asin": lambda x: _direction(x, _other_side(x)),
    "acos": lambda x: _direction(_other_side(x), x),
    "atan": _arc_tangent,
    "atan2": _direction,
    "sinh": _hyperbolic_sine,
    "cosh": lambda x: (x.exp() + (-x).exp()) / 2,
    "tanh": _hyperbolic_tangent,
}
