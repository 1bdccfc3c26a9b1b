"""What is exact is exact, and infinities, NaNs and signs of zeros are those of IEEE 754."""

from __future__ import annotations

import ctypes
import itertools
import math
import random
import struct
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.math import INFINITY, NAN, PI, TAU, E
from questv.metal.jit import Jit
from tests.metal.loading import Workshop

from .catalogue import FUNCTIONS
from .compiled import Compiled

SIZES = [
    *(0.0, 5e-324, 2.0**-1074 * 3, 2.0**-1022, 1e-300, 2.0**-53, 0.25, 0.49999999999999994, 0.5),
    *(1.0, 1.5, 2.0, 2.5, 3.0, 4503599627370495.5, 2.0**52, 2.0**53 - 1, 2.0**53, 2.0**53 + 2),
    *(710.0, 746.0, 1e300, 1.7976931348623157e308, math.inf),
]
SPECIAL = [*SIZES, *(-size for size in SIZES), math.nan]
HOST = {"round": "rint"}
EXACT = ["fabs", "copysign", "floor", "ceil", "trunc", "round", "fmod", "sqrt"]


def same(a: float, b: float) -> bool:
    """Equal to the bit, except that one NaN is as good as another."""
    return (math.isnan(a) and math.isnan(b)) or struct.pack("<d", a) == struct.pack("<d", b)


def is_special(value: float) -> bool:
    return value == 0 or not math.isfinite(value)


@pytest.mark.parametrize("name", EXACT)
def test_exact_functions(double: Compiled, host: ctypes.CDLL, name: str) -> None:
    function = next(function for function in FUNCTIONS if function.name == name)
    r = random.Random(name)
    drawn = [draw(r) for draw in function.draws for _ in range(500)]
    for arguments in [*itertools.product(SPECIAL, repeat=function.arity), *drawn]:
        true = getattr(host, HOST.get(name, name))(*arguments)
        assert same(double.call(name, *arguments), true), arguments


@settings(max_examples=200, deadline=None)
@given(st.floats(), st.floats())
def test_exact_functions_of_anything(
    double: Compiled, host: ctypes.CDLL, x: float, y: float
) -> None:
    for name in EXACT:
        arguments = (x, y) if name in ("copysign", "fmod") else (x,)
        true = getattr(host, HOST.get(name, name))(*arguments)
        assert same(double.call(name, *arguments), true), name


@settings(max_examples=100, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False).filter(bool),
)
def test_the_remainder_is_the_true_one(double: Compiled, x: float, y: float) -> None:
    rest = abs(Fraction(x)) % abs(Fraction(y))
    found = double.call("fmod", x, y)
    assert abs(Fraction(found)) == rest
    assert math.copysign(1, found) == math.copysign(1, x)


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS if f.error])
def test_special_values(double: Compiled, host: ctypes.CDLL, name: str) -> None:
    """Zeros, infinities and NaNs come out exactly where they do on the host."""
    function = next(function for function in FUNCTIONS if function.name == name)
    for arguments in itertools.product(SPECIAL, repeat=function.arity):
        true = getattr(host, name)(*arguments)
        found = double.call(name, *arguments)
        if is_special(true) or is_special(found):
            assert same(found, true), (arguments, found, true)
        else:
            assert math.copysign(1, found) == math.copysign(1, true), (arguments, found, true)


def test_minimum_and_maximum(double: Compiled) -> None:
    for a, b in itertools.product(SPECIAL, repeat=2):
        low, high = double.call("minimum", a, b), double.call("maximum", a, b)
        if math.isnan(a) or math.isnan(b):
            assert math.isnan(low) and math.isnan(high)
        else:
            order = sorted((a, b), key=lambda x: (x, math.copysign(1, x)))
            assert same(low, order[0]) and same(high, order[1])


def test_exact_logarithms_and_powers(double: Compiled) -> None:
    for exponent in range(-1074, 1024):
        assert double.call("log2", math.ldexp(1, exponent)) == exponent
        assert double.call("pow", 2.0, exponent) == math.ldexp(1, exponent)
    for exponent in range(23):
        assert double.call("log10", 10.0**exponent) == exponent
        assert double.call("pow", 10.0, exponent) == 10.0**exponent
    for base, exponent in ((3, 33), (7, 18), (-5, 22), (-5, 21), (15, 13)):
        assert double.call("pow", base, exponent) == base**exponent
    assert double.call("pow", 0.25, 0.5) == 0.5


TESTS = """
from questv.math import PI, clamp, is_finite, is_nan
from questv.math import single

@metal(floats=True)
def nan(x: f64) -> bool:
    return is_nan(x)

@metal(floats=True)
def finite(x: f64) -> bool:
    return is_finite(x)

@metal(floats=True)
def clamped(x: f64, low: f64, high: f64) -> f64:
    return clamp(x, low, high)

@metal(floats=True)
def nan_single(x: f32) -> bool:
    return single.is_nan(x)

@metal(floats=True)
def finite_single(x: f32) -> bool:
    return single.is_finite(x)

@metal(floats=True)
def clamped_single(x: f32, low: f32, high: f32) -> f32:
    return single.clamp(x, low, high)

@metal(floats=True)
def half_turns(x: f64) -> f64:
    return x / PI
"""


def test_questions_and_bounds(makers: Workshop) -> None:
    module = makers.load(TESTS)
    jit = Jit(module)
    for ending in ("", "_single"):
        nan, finite = (getattr(module, name + ending) for name in ("nan", "finite"))
        clamped = jit[getattr(module, "clamped" + ending)]
        for x in (0.0, -1.5, 2.0**-126, math.inf, -math.inf, math.nan):
            assert jit[nan](x) is math.isnan(x)
            assert jit[finite](x) is math.isfinite(x)
            if math.isnan(x):
                assert math.isnan(clamped(x, -1, 1))
            else:
                assert clamped(x, -1, 1) == min(max(x, -1), 1)
    assert jit[module.half_turns](3 * math.pi) == 3


def test_constants() -> None:
    assert (math.pi, math.tau, math.e) == (PI, TAU, E)
    assert math.inf == INFINITY
    assert math.isnan(NAN)


def test_f32_functions_that_are_exact(single: Compiled, host: ctypes.CDLL) -> None:
    values = [float(struct.unpack("<f", struct.pack("<I", bits))[0]) for bits in _patterns()]
    for name in EXACT:
        arity = 2 if name in ("copysign", "fmod") else 1
        for arguments in zip(values, reversed(values), strict=True):
            true = getattr(host, HOST.get(name, name))(*arguments[:arity])
            if name == "sqrt" and true > 0:
                true = struct.unpack("<f", struct.pack("<f", true))[0]
            assert same(single.call(name, *arguments[:arity]), true), (name, arguments)


def _patterns() -> list[int]:
    r = random.Random(32)
    corners = [0, 1, 0x007FFFFF, 0x00800000, 0x3F000000, 0x3F800000, 0x4B000000, 0x7F7FFFFF]
    corners += [0x7F800000, 0x7FC00000]
    return [*corners, *(c | 1 << 31 for c in corners), *(r.getrandbits(32) for _ in range(500))]
