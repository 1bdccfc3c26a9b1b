"""Values of Python's that compiled code names: of any class, however deep, however they behave."""

from __future__ import annotations

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.jit import Jit
from questv.metal.units import UnitCompiler

from .loading import Workshop

UNWILLING = """
class RefusedError(Exception):
    def __str__(self):
        raise ValueError("no text either")

def refuse(*arguments, **keywords):
    raise RefusedError

NAMES = "eq lt hash repr str format bool len iter contains getitem call index int float"
METHODS = {f"__{name}__": refuse for name in f"{NAMES} add radd neg invert getattr".split()}
OBJECT = type("Unwilling", (), METHODS)()
INTEGER = type("Unwilling", (int,), METHODS)(5)
NUMBER = type("Unwilling", (float,), METHODS)(0.5)
TEXT = type("Unwilling", (str,), METHODS)("text")
INSIDE = [type("Unwilling", (list,), METHODS)([1])]
"""
VALUES = ("OBJECT", "INTEGER", "NUMBER", "TEXT", "INSIDE")
USES = [
    *("return V", "return V()", "return V[0]", "return V.x", "return V.x()", "return len(V)"),
    *("return V + 1", "return 1 + V", "return a + V", "return V == 1", "return V < a"),
    *("return -V", "return ~V", "return not V", "return V in V", "return 1 if V else a"),
    *("return u64(V)", "return min(V, a)", "return ord(V)", "return addr(V)", "return table[V]"),
    *("return sizeof(V)", "return offsetof(V, V)", "return cell.load(V)", "return a and V"),
    *("x: V = 1", "x = V", "V.x = 1", "V[0] = 1", "table[V] = 1", "assert V", "fence(V)"),
    *("copy(V, V)", "asm(V, V, V)", "for i in V: a = 1", "for i in range(a, 5, V): a = 1"),
    *("match a:\n        case V.x: a = 1", "table[0] += V", "while V: a = 1", "log(f'{V}')"),
]
DEFINITIONS = [
    *("x: u64 = static(V)", "x: str = static(V)", "x: bool = static(V)", "x: V = static(1)"),
    *("x: Array[u64, 2] = static(V)", "x: Array[u64, 2] = static([V])", "x: P = static(V)"),
    *("x: P = static({'a': V})", "x: P = static({V: 1})", "x: Array[u8, V] = static()"),
    *("x: Array[V, 1] = static()", "x: Ptr[V] = static()", "x: Callable[[V], u8] = static()"),
    *("x: u64 = external(V)", "x: u64 = static(1, export=V)", "module_assembly(V)", "raise V"),
    *("class Q(Struct): a: V", "class Q(Struct): a: u32 = V", "class Q(Struct): a: u32 = at(V)"),
    *("class Q(Struct, size=V): a: u32", "class Q(Struct, packed=V): a: u32"),
    *("@width(V)\nclass E(enum.IntEnum): A = 1", "@metal(export=V)\ndef g() -> None: pass"),
    *("@metal(inline=V, floats=V)\ndef g() -> None: pass", "@metal\ndef g(a: V) -> V: pass"),
    *("@assembly(V)\ndef g() -> None: ...", "@assembly('ret', stack=V)\ndef g() -> None: ..."),
    "odd = Formatter(begin=V, text=V, unsigned=V, signed=V, end=V)\n"
    "@metal\ndef g() -> None: odd('text')",
]
AROUND = """
class P(Struct):
    a: u64

table: Array[u64, 4] = static()
cell: Atomic[u64] = static(0)
"""


def compile_all(workshop: Workshop, text: str) -> None:
    """Succeed, or give diagnostics that can be shown."""
    name = workshop.write(text)
    try:
        UnitCompiler(checks=True).compile([name])
    except DiagnosticsError as error:
        assert error.render()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("use", USES)
def test_unwilling_values(workshop: Workshop, use: str, value: str) -> None:
    body = use.replace("V", value)
    function = f"@metal\ndef f(a: u64) -> u64:\n    {body}\n    return a\n"
    compile_all(workshop, UNWILLING + AROUND + function)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("definition", DEFINITIONS)
def test_unwilling_definitions(workshop: Workshop, definition: str, value: str) -> None:
    body = definition.replace("V", value)
    compile_all(
        workshop, f"{UNWILLING}{AROUND}{body}\n@metal\ndef f(a: u64) -> u64:\n    return a\n"
    )


ENDLESS = """
own = [1, 2]
own.append(own)
twice = {"own": own, "again": [own, own]}
deep = 7
for _ in range(5000):
    deep = [deep]

@metal
def length() -> u64:
    return len(own) + len(twice) + len(deep)

@metal
def part() -> u64:
    return own[2][2][1] + twice["again"][1][0]
"""


def test_values_inside_themselves(workshop: Workshop) -> None:
    module = workshop.load(ENDLESS)
    jit = Jit(module)
    assert jit[module.length]() == 3 + 2 + 1
    assert jit[module.part]() == 3


def test_a_change_inside_such_a_value_counts(workshop: Workshop) -> None:
    for first in (1, 5):
        workshop.load(f"own = [{first}]\nown.append(own)\n", "inside_itself")
        user = workshop.load(
            "from inside_itself import own\n@metal\ndef f() -> u64:\n    return own[1][0]\n", "user"
        )
        assert Jit(user)[user.f]() == first
