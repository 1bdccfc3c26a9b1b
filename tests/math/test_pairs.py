"""What the functions are made of: exact numbers, and pairs of floats."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from questv.math import exact
from questv.math.pairs import Pair
from questv.metal.jit import Jit
from tests.metal.loading import Workshop

from . import true_values

PAIRS = """
from questv.math.pairs import *

@metal(floats=True)
def sum_of(to: Pair, a: f64, b: f64) -> None:
    set_sum(to, a, b)

@metal(floats=True)
def ordered_sum(to: Pair, a: f64, b: f64) -> None:
    set_ordered_sum(to, a, b)

@metal(floats=True)
def product(to: Pair, a: f64, b: f64) -> None:
    set_product(to, a, b)

@metal(floats=True)
def quotient(to: Pair, a: Pair, b: Pair) -> None:
    set_quotient(to, a, b)

@metal(floats=True)
def root(to: Pair, a: Pair) -> None:
    set_root(to, a)
"""

Call = Callable[..., None]
SIZES = st.floats(2.0**-400, 2.0**400)
NUMBERS = st.builds(float.__mul__, SIZES, st.sampled_from([1.0, -1.0]))
SMALL = st.floats(-(2.0**-54), 2.0**-54)  # of the high part

QUICK = settings(max_examples=100, deadline=None)


@pytest.fixture(scope="module")
def call(makers: Workshop) -> Call:
    module = makers.load(PAIRS)
    jit = Jit(module)

    def run(name: str, *arguments: Any) -> None:
        jit[getattr(module, name)](*arguments)

    return run


def exactly(pair: Pair) -> Fraction:
    return Fraction(pair.high) + Fraction(pair.low)


@QUICK
@given(NUMBERS, NUMBERS)
def test_sums_and_products_are_exact(call: Call, a: float, b: float) -> None:
    pair = Pair()
    call("sum_of", pair, a, b)
    assert pair.high == a + b
    assert exactly(pair) == Fraction(a) + Fraction(b)
    call("product", pair, a, b)
    assert pair.high == a * b
    assert exactly(pair) == Fraction(a) * Fraction(b)
    larger, smaller = sorted((a, b), key=abs, reverse=True)
    call("ordered_sum", pair, larger, smaller)
    assert exactly(pair) == Fraction(a) + Fraction(b)


@QUICK
@given(NUMBERS, SMALL, NUMBERS, SMALL)
def test_quotients_are_close(call: Call, a: float, a_low: float, b: float, b_low: float) -> None:
    assume(2.0**-400 < abs(a / b) < 2.0**400)
    over, under, pair = Pair(high=a, low=a * a_low), Pair(high=b, low=b * b_low), Pair()
    call("quotient", pair, over, under)
    true = exactly(over) / exactly(under)
    assert abs(exactly(pair) - true) <= abs(true) / 2**102


@QUICK
@given(SIZES, SMALL)
def test_roots_are_close(call: Call, a: float, low: float) -> None:
    number, pair = Pair(high=a, low=a * low), Pair()
    call("root", pair, number)
    # (root + error)**2 differs by 2 * root * error
    true = exactly(number)
    assert abs(exactly(pair) ** 2 - true) <= true / 2**101


BOUND = Fraction(1, 2**190)


def test_exact_numbers() -> None:
    with localcontext(prec=80):
        assert abs(exact.LN2 - Fraction(Decimal(2).ln())) < BOUND
        assert abs(exact.power_of_two(3, 5) ** 32 - 8) < BOUND
        for value in (Fraction(3, 4), Fraction(5, 4)):
            true = (Decimal(value.numerator) / value.denominator).ln()
            assert abs(exact.logarithm(value) - Fraction(true)) < BOUND
    for angle in (Fraction(0), Fraction(1, 8), Fraction(3, 4)):
        sine, cosine = exact.sine(angle), exact.cosine(angle)
        assert abs(sine**2 + cosine**2 - 1) < BOUND
        for found, name in ((sine, "sin"), (cosine, "cos"), (exact.arc_tangent(angle), "atan")):
            assert abs(found - Fraction(true_values.value(name, float(angle)))) < BOUND
    assert abs(exact.PI - 4 * Fraction(true_values.value("atan", 1.0))) < BOUND
    assert abs(exact.pi(1300) - exact.PI) < BOUND


def test_rounding_to_floats() -> None:
    third = Fraction(1, 3)
    assert exact.rounded(third, 2) == 0.25
    assert exact.rest(third, 0.25) == float(Fraction(1, 12))
