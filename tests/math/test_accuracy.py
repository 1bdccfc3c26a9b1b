"""Every function is as exact as is claimed, against sixty digits and against the host's library."""

from __future__ import annotations

import math
import random
import struct
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import true_values
from .catalogue import FUNCTIONS, SUBNORMAL, Arguments, Function
from .compiled import Compiled
from .long_double import UNCERTAINTY, LongDouble, Worst
from .true_values import F32, F64

INEXACT = [function for function in FUNCTIONS if function.error]
BY_NAME = {function.name: function for function in FUNCTIONS}
SMALLEST_NORMAL = 2.0**-1022
ROUNDED_ONCE = 0.501  # of results for f32, which are rounded from f64

each = pytest.mark.parametrize("function", INEXACT, ids=lambda function: function.name)


def narrow(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def check(double: Compiled, function: Function, arguments: Arguments) -> None:
    """Where the result is finite and no zero; all else is in ``test_special``."""
    found = double.call(function.name, *arguments)
    if found == 0 or not math.isfinite(found) or not all(map(math.isfinite, arguments)):
        return
    bound = function.error if abs(found) >= SMALLEST_NORMAL else max(function.error, SUBNORMAL)
    error = true_values.error(found, function.name, *arguments)
    assert error <= bound, (function.name, arguments, found)


@each
def test_against_sixty_digits(double: Compiled, function: Function) -> None:
    r = random.Random(function.name)
    for draw in function.draws:
        for _ in range(100):
            check(double, function, draw(r))


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([f for f in INEXACT if f.arity == 1]), FLOATS)
def test_one_argument(double: Compiled, function: Function, x: float) -> None:
    check(double, function, (x,))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([f for f in INEXACT if f.arity == 2]), FLOATS, FLOATS)
def test_two_arguments(double: Compiled, function: Function, x: float, y: float) -> None:
    check(double, function, (x, y))


NEAREST_TO_QUARTERS = [
    6381956970095103.0 * 2.0**797,  # 2**-60.9 from one: no f64 is nearer
    math.ldexp(884279719003555.0, -49),  # pi / 2
    *(float(n) * (math.pi / 2) for n in (1, 2, 3, 4, 7, 1024, 10**9, 10**18)),
    *(math.nextafter(math.pi / 4, to) for to in (0, 1)),
    math.pi / 4,
    1.7976931348623157e308,
    2.0**1023,
    5e-324,
    2.0**-27,
]


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_hard_angles(double: Compiled, name: str) -> None:
    for x in NEAREST_TO_QUARTERS:
        for sign in (1, -1):
            check(double, BY_NAME[name], (sign * x,))


def columns(function: Function, draw: int, count: int) -> list[array[float]]:
    r = random.Random(f"{function.name} {draw}")
    drawn = [function.draws[draw](r) for _ in range(count)]
    return [array("d", column) for column in zip(*drawn, strict=True)]


def worst_of(
    compiled: Compiled, long_double: LongDouble, function: Function, given: list[array[float]]
) -> tuple[Worst, float]:
    """The worst error over columns of arguments, and the result that it is of."""
    found = compiled.column(function.name, given)
    worst = long_double.worst(function.name, given, found, F64)
    return worst, found[worst.index]


def check_columns(double: Compiled, library: LongDouble, function: Function, count: int) -> None:
    for draw in range(len(function.draws)):
        given = columns(function, draw, count)
        worst, result = worst_of(double, library, function, given)
        bound = max(function.error, SUBNORMAL) if abs(result) < SMALLEST_NORMAL else function.error
        where = [column[worst.index] for column in given]
        assert worst.error <= bound + UNCERTAINTY, (function.name, where, result)


@each
def test_against_the_host(double: Compiled, long_double: LongDouble, function: Function) -> None:
    check_columns(double, long_double, function, 10_000)


@pytest.mark.long
@each
def test_a_million(double: Compiled, long_double: LongDouble, function: Function) -> None:
    check_columns(double, long_double, function, 1_000_000 // len(function.draws))


@each
def test_for_f32(single: Compiled, long_double: LongDouble, function: Function) -> None:
    """The arguments are rounded first; the results are then rounded once from f64."""
    for draw in range(len(function.draws)):
        given = [array("d", map(narrow, c)) for c in columns(function, draw, 5_000)]
        found = single.column(function.name, given)
        worst = long_double.worst(function.name, given, found, F32)
        where = [column[worst.index] for column in given]
        assert worst.error <= ROUNDED_ONCE, (function.name, where, found[worst.index])


def test_the_measure_sees_errors(double: Compiled, long_double: LongDouble) -> None:
    """Of a result that is one float off it finds that, and which one it is."""
    given = columns(BY_NAME["exp"], 1, 100)
    found = double.column("exp", given)
    found[37] = math.nextafter(found[37], math.inf)
    worst = long_double.worst("exp", given, found, F64)
    assert worst.index == 37
    assert 0.4 < worst.error < 1.6
    assert 0.4 < true_values.error(found[37], "exp", given[0][37]) < 1.6
    found[12] = math.inf
    assert long_double.worst("exp", given, found, F64) == Worst(math.inf, 12)
