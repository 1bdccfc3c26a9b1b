"""Floating point is IEEE 754's and Python's, and is out of reach where it is not asked for."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.diagnostics import DiagnosticsError
from questv.metal.jit import Jit

from .generate.model import INTEGERS, Int
from .loading import Workshop
from .machine_code import functions

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(QUICK, max_examples=1200)
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
TESTS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SPECIAL = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 0.1, 3.0, 1e-45, 5e-324, 2.0**-126, 2.0**24 + 1, 1e30, -1e30),
    *(3.4028234663852886e38, 3.5e38, 1.7976931348623157e308, math.inf, -math.inf, math.nan),
    *(sign * 2.0**power for power in (7, 8, 15, 16, 31, 32, 63, 64) for sign in (1, -1)),
    *(2.0**power - 0.5 for power in (7, 8, 15, 16, 31, 32)),
]


def narrow(value: float) -> float:
    """Rounded to 32 bits; too large is infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def same(found: float, expected: float) -> bool:
    """Equal to the bit, except that one NaN is as good as another."""
    if math.isnan(expected):
        return math.isnan(found)
    return struct.pack("<d", found) == struct.pack("<d", expected)


def operate(name: str, a: float, b: float) -> float:
    try:
        return {"add": a.__add__, "sub": a.__sub__, "mul": a.__mul__, "div": a.__truediv__}[name](b)
    except ZeroDivisionError:
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1, b)


def to_integer(value: float, type_: Int) -> int:
    """Towards zero, and to the nearest bound if it is beyond."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return type_.high if value > 0 else type_.low
    return min(max(int(value), type_.low), type_.high)


def from_integer(value: int, bits: int) -> float:
    """The nearest float, ties to even; Python's own conversion is right for 64 bits."""
    if bits == 64 or value == 0:
        return float(value)
    exponent = max(0, value.bit_length() - 24)
    scaled = Fraction(value, 2**exponent)
    return float(round(scaled) * 2**exponent)  # round() takes ties to even


def source() -> str:
    text = ""
    for kind in ("f32", "f64"):
        for name, sign in (SIGNS | TESTS).items():
            result = kind if name in SIGNS else "bool"
            text += (
                f"@metal(floats=True)\ndef {name}_{kind}(a: {kind}, b: {kind}) -> {result}:\n"
                f"    return a {sign} b\n"
            )
        text += (
            f"@metal(floats=True)\ndef neg_{kind}(a: {kind}) -> {kind}:\n    return -a\n"
            f"@metal(floats=True)\ndef min_{kind}(a: {kind}, b: {kind}) -> {kind}:\n"
            f"    return min(a, b)\n"
            f"@metal(floats=True)\ndef max_{kind}(a: {kind}, b: {kind}) -> {kind}:\n"
            f"    return max(a, b)\n"
            f"@metal(floats=True)\ndef root_{kind}(a: {kind}) -> {kind}:\n"
            f"    return square_root(a)\n"
            f"@metal(floats=True)\ndef bits_{kind}(a: {kind}) -> u{kind[1:]}:\n"
            f"    return float_bits(a)\n"
            f"@metal(floats=True)\ndef from_bits_{kind}(a: u{kind[1:]}) -> {kind}:\n"
            f"    return float_from_bits(a)\n"
            f"@metal(floats=True)\ndef literal_{kind}(a: {kind}) -> {kind}:\n"
            f"    return a * 0.1 + 1\n"
            f"@metal(floats=True)\ndef fused_{kind}(a: {kind}, b: {kind}) -> {kind}:\n"
            f"    return a * b + a\n"
            f"@metal(floats=True)\ndef chain_{kind}(a: {kind}, b: {kind}) -> bool:\n"
            f"    return a < b <= a + b\n"
            f"@metal(floats=True)\ndef pick_{kind}(a: {kind}, b: {kind}) -> {kind}:\n"
            f"    c = a if a > b else b\n    c += a\n    c -= 1.5\n    return c\n"
        )
        for type_ in INTEGERS:
            text += (
                f"@metal(floats=True)\ndef {kind}_to_{type_.name}(a: {kind}) -> {type_.name}:\n"
                f"    return {type_.name}(a)\n"
                f"@metal(floats=True)\ndef {type_.name}_to_{kind}(a: {type_.name}) -> {kind}:\n"
                f"    return {kind}(a)\n"
            )
    return text + (
        "@metal(floats=True)\ndef narrowed(a: f64) -> f32:\n    return f32(a)\n"
        "@metal(floats=True)\ndef widened(a: f32) -> f64:\n    return f64(a)\n"
    )


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    workshop = Workshop(tmp_path_factory.mktemp("floats"))
    yield workshop.load(source())
    workshop.close()


@pytest.fixture(scope="module", params=[0, 1, 2, 3])
def jit(module: ModuleType, request: pytest.FixtureRequest) -> Jit:
    return Jit(module, level=request.param)


def check_pair(module: ModuleType, jit: Jit, a: float, b: float) -> None:
    for kind, fit in (("f32", narrow), ("f64", float)):
        x, y = fit(a), fit(b)

        def run(name: str, *given: float, kind: str = kind) -> float:
            return jit[getattr(module, f"{name}_{kind}")](*given)  # type: ignore[no-any-return]

        for name in SIGNS:
            assert same(run(name, x, y), fit(operate(name, x, y))), (name, kind, x, y)
        for name, sign in TESTS.items():
            assert run(name, x, y) is eval(f"x {sign} y", {"x": x, "y": y}), (name, kind, x, y)
        assert same(run("neg", x), -x)
        assert same(run("min", x, y), min(x, y)), (kind, x, y)
        assert same(run("max", x, y), max(x, y)), (kind, x, y)
        root = run("root", abs(x))
        assert same(root, fit(math.sqrt(abs(x)))), "rounding twice is harmless here"
        assert math.isnan(run("root", -abs(x))) or x == 0 or math.isnan(x)
        bits = int.from_bytes(struct.pack("<f" if kind == "f32" else "<d", x), "little")
        assert run("bits", x) == bits or math.isnan(x)
        assert same(run("from_bits", bits), x)
        total = fit(x + y)
        assert run("chain", x, y) is (x < y <= total)
        assert same(run("literal", x), fit(fit(x * fit(0.1)) + 1))
        assert same(run("fused", x, y), fit(fit(x * y) + x)), "not one rounding instead of two"
        assert same(run("pick", x, y), fit(fit((x if x > y else y) + x) - 1.5))


def test_special_values(module: ModuleType, jit: Jit) -> None:
    for a, b in itertools.product(SPECIAL, repeat=2):
        check_pair(module, jit, a, b)


@QUICK
@given(st.floats(), st.floats())
def test_any_values(module: ModuleType, jit: Jit, a: float, b: float) -> None:
    check_pair(module, jit, a, b)


@pytest.mark.long
@LONG
@given(st.floats(), st.floats())
def test_many_values(module: ModuleType, jit: Jit, a: float, b: float) -> None:
    check_pair(module, jit, a, b)


def check_conversions(module: ModuleType, jit: Jit, value: float) -> None:
    assert same(jit[module.narrowed](value), narrow(value))
    for kind, fit in (("f32", narrow), ("f64", float)):
        given = fit(value)
        for type_ in INTEGERS:
            found = jit[getattr(module, f"{kind}_to_{type_.name}")](given)
            assert found == to_integer(given, type_), (kind, type_.name, given)
    assert same(jit[module.widened](narrow(value)), narrow(value))


def test_special_conversions(module: ModuleType, jit: Jit) -> None:
    for value in SPECIAL:
        check_conversions(module, jit, value)
    for type_ in INTEGERS:
        for value in [*type_.boundaries(), *(type_.high - 2**k for k in range(type_.bits - 2))]:
            for kind, bits in (("f32", 32), ("f64", 64)):
                found = jit[getattr(module, f"{type_.name}_to_{kind}")](value)
                assert found == from_integer(value, bits), (type_.name, kind, value)


@QUICK
@given(st.floats(), st.integers(-(2**63), 2**63 - 1))
def test_any_conversion(module: ModuleType, jit: Jit, value: float, number: int) -> None:
    check_conversions(module, jit, value)
    check_number(module, jit, number)


@pytest.mark.long
@LONG
@given(st.floats(), st.integers(-(2**63), 2**63 - 1))
def test_many_conversions(module: ModuleType, jit: Jit, value: float, number: int) -> None:
    check_conversions(module, jit, value)
    check_number(module, jit, number)


def check_number(module: ModuleType, jit: Jit, number: int) -> None:
    assert jit[module.i64_to_f32](number) == from_integer(number, 32)
    assert jit[module.i64_to_f64](number) == from_integer(number, 64)
    assert jit[module.u64_to_f32](number % 2**64) == from_integer(number % 2**64, 32)


MEMORY = """
class Point(Struct):
    tag: u8
    x: f32
    y: f64
    z: Array[f32, 3]

table: Array[f64, 3] = constant([0.5, -1.25, 1e300])
start: Point = static({"x": 1.5, "y": -2.0, "z": [1.0, 2.0, 3.0]})

@metal(floats=True)
def scale(p: Point, by: f32) -> f64:
    p.x *= by
    p.y += f64(by)
    for i in range(u64(3)):
        p.z[i] = p.z[i] * by - p.x
    return table[0] * p.y + start.y
"""


def test_floats_in_memory(workshop: Workshop) -> None:
    module = workshop.load(MEMORY)
    jit = Jit(module)
    point = module.Point(x=1.5, y=4.0, z=[1.0, 2.0, 0.1])
    assert jit[module.scale](point, 2.5) == 0.5 * 6.5 - 2.0
    assert point.x == 3.75
    assert point.y == 6.5
    tenth = narrow(narrow(narrow(0.1) * 2.5) - 3.75)
    assert list(point.z) == [narrow(2.5 - 3.75), 1.25, tenth]
    assert list(jit.variable(module.table)) == [0.5, -1.25, 1e300]
    assert jit.variable(module.start).z == [1.0, 2.0, 3.0]


ROUNDED = """
BIG = (1 << 60) + (1 << 36) + 1  # a little more than halfway between two floats

field: f32 = static(BIG)

@metal(floats=True)
def constant_cast() -> f64:
    return f64(f32(BIG))

@metal(floats=True)
def cast(number: u64) -> f64:
    return f64(f32(number))
"""


def test_a_whole_number_is_rounded_once(workshop: Workshop) -> None:
    module = workshop.load(ROUNDED)
    jit = Jit(module)
    expected = float((1 << 60) + (1 << 37))
    assert jit[module.cast](module.BIG) == expected
    assert jit[module.constant_cast]() == expected
    assert jit.variable(module.field) == expected


FORBIDDEN: dict[str, str] = {
    "a parameter": "def f(a: f64) -> None:\n    pass\n",
    "a result": "def f() -> f32:\n    return 1.0\n",
    "a local": "def f() -> None:\n    x: f32 = 1.0\n",
    "a cast": "def f(a: u32) -> bool:\n    return f32(a) > 0.5\n",
    "a field": "def f(p: P) -> None:\n    p.x = 1.0\n",
    "a field that is read": "def f(p: P) -> bool:\n    return p.x > 1.0\n",
    "an element": "def f(p: Ptr[f64]) -> None:\n    p[1] = p[0]\n",
    "a call": "def f() -> None:\n    floating()\n",
    "bits": "def f(a: u64) -> bool:\n    return float_from_bits(a) > 1.0\n",
    "assembly": 'def f() -> None:\n    x = asm("", f64, "=x")\n',
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_floats_are_forbidden(workshop: Workshop, what: str) -> None:
    head = (
        "class P(Struct):\n    x: f32\n"
        "@metal(floats=True)\ndef floating() -> None:\n    pass\n@metal\n"
    )
    module = workshop.load(head + FORBIDDEN[what])
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    assert {found.rule for found in caught.value.diagnostics} == {"floats-forbidden"}


BULK = """
class Big(Struct):
    a: Array[u64, 40]
    b: f64

@metal
def move(to: Big, source: Big) -> None:
    copy(to, source)
    clear(source)

@metal
def fresh(out: Big) -> u64:
    mine: Big = local()
    for i in range(u64(40)):
        mine.a[i] = i
    copy(out, mine)
    return mine.a[7]

@metal(floats=True)
def with_floats(a: f64) -> f64:
    return a + 1.0
"""


@pytest.mark.parametrize("level", range(4))
def test_no_vector_registers_without_floats(workshop: Workshop, level: int) -> None:
    code = functions(workshop.load(BULK), checks=True, level=level)
    for name in ("move", "fresh"):
        assert not any("mm" in part.operands for part in code[name]), name
    assert any("xmm" in part.operands for part in code["with_floats"])


def test_moving_bytes_keeps_a_float_whole(workshop: Workshop) -> None:
    module = workshop.load(BULK)
    source, to = module.Big(b=-math.pi), module.Big()
    Jit(module)[module.move](to, source)
    assert to.b == -math.pi
    assert source.b == 0.0
