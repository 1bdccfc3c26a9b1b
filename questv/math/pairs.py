"""Numbers of twice a float's precision, each the unevaluated sum of two floats.

The sums are Knuth's and Dekker's, the product is Dekker's with Veltkamp's splitting: see J.-M.
Muller et al., Handbook of Floating-Point Arithmetic, 2nd ed., 4.3 and 4.4, and for the quotient and
the square root 14.1. None of them branches.
"""

from __future__ import annotations

from questv.metal.lang import f64, local, metal, square_root
from questv.metal.structs import Struct

_SPLITTER = 2.0**27 + 1


class Pair(Struct):
    """A number: ``high`` is it as a float, ``low`` the rest."""

    high: f64
    low: f64


@metal(floats=True, inline=True)
def set_sum(to: Pair, a: f64, b: f64) -> None:
    """``a + b`` exactly, unless it overflows."""
    total = a + b
    part = total - a
    to.high = total
    to.low = (a - (total - part)) + (b - part)


@metal(floats=True, inline=True)
def set_ordered_sum(to: Pair, a: f64, b: f64) -> None:
    """``a + b`` exactly, if ``a`` is not smaller than ``b`` in magnitude."""
    total = a + b
    to.high = total
    to.low = b - (total - a)


@metal(floats=True, inline=True)
def normalize(a: Pair) -> None:
    """Bring what ``low`` has grown to into ``high``."""
    set_ordered_sum(a, a.high, a.low)


@metal(floats=True, inline=True)
def set_product(to: Pair, a: f64, b: f64) -> None:
    """``a * b`` exactly, if both stay below 2**996 and the product's last digit does not vanish."""
    a_high = a * _SPLITTER
    a_high = a_high - (a_high - a)
    a_low = a - a_high
    b_high = b * _SPLITTER
    b_high = b_high - (b_high - b)
    b_low = b - b_high
    total = a * b
    to.high = total
    to.low = ((a_high * b_high - total) + a_high * b_low + a_low * b_high) + a_low * b_low


@metal(floats=True, inline=True)
def set_quotient(to: Pair, a: Pair, b: Pair) -> None:
    """``a / b``, within about 2**-103 of its size."""
    high = a.high / b.high
    back: Pair = local()
    set_product(back, high, b.high)
    to.low = (((a.high - back.high) - back.low) + a.low - high * b.low) / b.high
    to.high = high


@metal(floats=True, inline=True)
def set_root(to: Pair, a: Pair) -> None:
    """The square root of a number above zero, likewise."""
    high = square_root(a.high)
    back: Pair = local()
    set_product(back, high, high)
    to.low = (((a.high - back.high) - back.low) + a.low) / (high + high)
    to.high = high
