"""Enums and flags: their widths, operators and what ``~`` means."""

from __future__ import annotations

import enum
import itertools

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.jit import Jit

from .loading import Workshop

ENUMS = """
@width(u8)
class Color(enum.IntEnum):
    RED = 0
    GREEN = 5
    BLUE = 255

@width(i16)
class Signed(enum.IntEnum):
    LOW = -300
    ZERO = 0
    HIGH = 300

@width(u32)
class Flags(enum.IntFlag):
    READ = 1
    WRITE = 2
    RUN = 4
    TOP = 1 << 31
    BOTH = READ | WRITE

FALLBACK = Flags.READ | Flags.TOP

@metal
def name(color: Color) -> u32:
    match color:
        case Color.RED:
            return 1
        case Color.GREEN | Color.BLUE:
            return 2
        case _:
            return 3

@metal
def same(a: Color, b: Color) -> bool:
    return a == b and not (a != b)

@metal
def to_number(s: Signed) -> i64:
    return i64(s)

@metal
def from_number(n: i16) -> Signed:
    return Signed(n)

@metal
def cross(s: Signed) -> Signed:
    return Signed.LOW if s == Signed.HIGH else Signed.HIGH

@metal
def either(a: Flags, b: Flags) -> Flags:
    return a | b

@metal
def common(a: Flags, b: Flags) -> Flags:
    return a & b

@metal
def differ(a: Flags, b: Flags) -> Flags:
    return a ^ b

@metal
def complement(a: Flags) -> Flags:
    return ~a

@metal
def without_write(a: Flags) -> Flags:
    return a & ~Flags.WRITE

@metal
def updated(a: Flags) -> Flags:
    a |= Flags.RUN
    a &= ~(Flags.READ | Flags.TOP)
    a ^= Flags.BOTH
    return a

@metal
def number_without_write() -> u32:
    return u32(~Flags.WRITE)

@metal
def can_write(a: Flags) -> bool:
    return Flags.WRITE in a

@metal
def can_do_both(a: Flags) -> bool:
    return Flags.BOTH in a

@metal
def neither(a: Flags) -> bool:
    return Flags.RUN not in a

@metal
def any_of(a: Flags) -> bool:
    return a & Flags.BOTH != Flags(0)

@metal
def fallback() -> Flags:
    return FALLBACK
"""


@pytest.mark.parametrize("level", [0, 2])
def test_enums(workshop: Workshop, level: int) -> None:
    m = workshop.load(ENUMS)
    jit = Jit(m, level=level)
    assert [jit[m.name](color) for color in (*m.Color, 17)] == [1, 2, 2, 3]
    assert jit[m.same](m.Color.RED, m.Color.RED) is True
    assert jit[m.same](m.Color.RED, m.Color.BLUE) is False
    assert [jit[m.to_number](part) for part in m.Signed] == [-300, 0, 300]
    assert jit[m.from_number](-300) is m.Signed.LOW
    assert jit[m.from_number](1) == 1
    assert jit[m.cross](m.Signed.HIGH) is m.Signed.LOW


@pytest.mark.parametrize("level", [0, 2])
def test_flags(workshop: Workshop, level: int) -> None:
    m = workshop.load(ENUMS)
    jit = Jit(m, level=level)
    values = [0, 1, 2, 3, 7, 2**31, 2**32 - 1, 0x40]
    for a, b in itertools.product(values, repeat=2):
        assert jit[m.either](a, b) == a | b
        assert jit[m.common](a, b) == a & b
        assert jit[m.differ](a, b) == a ^ b
    for a in values:
        assert int(jit[m.complement](a)) == 2**32 - 1 - a, "every bit, named or not"
        assert int(jit[m.without_write](a)) == a & (2**32 - 1 - 2)
        assert int(jit[m.updated](a)) == ((a | 4) & (2**32 - 1 - 1 - 2**31)) ^ 3
        assert jit[m.can_write](a) is (a & 2 == 2)
        assert jit[m.can_do_both](a) is (a & 3 == 3)
        assert jit[m.neither](a) is (a & 4 == 0)
        assert jit[m.any_of](a) is (a & 3 != 0)
    assert jit[m.number_without_write]() == 2**32 - 1 - 2
    assert jit[m.fallback]() == m.Flags.READ | m.Flags.TOP
    assert isinstance(jit[m.fallback](), enum.IntFlag)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("def f(a: Color, b: Signed) -> bool:\n    return a == b\n", "mixed-types"),
        ("def f(a: Color) -> bool:\n    return a < Color.BLUE\n", "not-comparable"),
        ("def f(a: Color) -> Color:\n    return a | a\n", "no-operator"),
        ("def f(a: Color) -> Color:\n    return ~a\n", "no-operator"),
        ("def f(a: Flags) -> Flags:\n    return a + a\n", "no-operator"),
        ("def f(a: Flags) -> bool:\n    return a == 1\n", "literal-enum"),
        ("def f() -> Color:\n    return 5\n", "literal-enum"),
    ],
)
def test_enums_are_no_numbers(workshop: Workshop, body: str, rule: str) -> None:
    module = workshop.load(ENUMS + "@metal\n" + body)
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    assert [found.rule for found in caught.value.diagnostics] == [rule]


def test_members_must_fit(workshop: Workshop) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        workshop.load("@width(u8)\nclass Bad(enum.IntEnum):\n    A = 256\n")
    assert [found.rule for found in caught.value.diagnostics] == ["enum-range"]
