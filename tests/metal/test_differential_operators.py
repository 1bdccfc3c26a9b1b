"""Every operator, cast and intrinsic of every integer type, against Python's own integers."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from questv.metal.isolate import isolated
from questv.metal.jit import Jit

from . import gate
from .generate.expressions import INTRINSICS, apply
from .generate.maker import ARITHMETIC
from .generate.model import BOOL, I8, INTEGERS, U8, UNSIGNED, Frame, Int, Machine, Scalar, Trap
from .loading import Workshop
from .trapping import Runner

WORDS = ("add", "sub", "mul", "and_", "or_", "xor", "div", "mod", "shl", "shr")
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Model = Callable[..., int]


class Suite:
    """Functions of one line each, with what they must yield."""

    def __init__(self, *, checks: bool) -> None:
        self.checks = checks
        self.frame = Frame(Machine(checks, {}))
        self.text: list[str] = []
        self.functions: list[tuple[str, tuple[Scalar, ...], Scalar, Model]] = []

    def add(self, given: tuple[Scalar, ...], result: Scalar, body: str, model: Model) -> None:
        name = f"f{len(self.functions)}"
        names = "ab"[: len(given)]
        shown = ", ".join(f"{n}: {t.name}" for n, t in zip(names, given, strict=True))
        self.text.append(f"@metal\ndef {name}({shown}) -> {result.name}:\n    return {body}\n")
        self.functions.append((name, given, result, model))

    def arithmetic(self) -> None:
        for type_, sign in itertools.product(INTEGERS, ARITHMETIC):

            def model(a: int, b: int, type_: Int = type_, sign: str = sign) -> int:
                return apply(self.frame, type_, sign, a, b, constant=False)

            self.add((type_, type_), type_, f"a {sign} b", model)
        for type_ in INTEGERS:
            self.add((type_,), type_, "-a", lambda a, t=type_: t.wrap(-a))
            self.add((type_,), type_, "~a", lambda a, t=type_: t.wrap(~a))
            self.add((type_, type_), type_, "min(a, b)", min)
            self.add((type_, type_), type_, "max(a, b)", max)

    def comparisons(self) -> None:
        for type_, (sign, test) in itertools.product(INTEGERS, TESTS.items()):
            self.add((type_, type_), BOOL, f"a {sign} b", test)
        for sign in ("==", "!="):
            self.add((BOOL, BOOL), BOOL, f"a {sign} b", TESTS[sign])

    def constants(self) -> None:
        """A constant on the right or on the left: the optimizer has many a trick for these."""
        for type_, sign in itertools.product(INTEGERS, ("+", "*", "//", "%", "<<", ">>")):
            values = type_.boundaries()[:: 1 if type_.bits == 8 else 4]
            if sign in ("<<", ">>"):
                values = [0, 1, type_.bits // 2, type_.bits - 1]
            for value in values:
                if sign in ("//", "%") and value == 0:
                    continue

                def right(a: int, b: int = value, type_: Int = type_, sign: str = sign) -> int:
                    return apply(self.frame, type_, sign, a, b, constant=True)

                self.add((type_,), type_, f"a {sign} {value}", right)
            value = values[len(values) // 2]

            def left(b: int, a: int = value, type_: Int = type_, sign: str = sign) -> int:
                return apply(self.frame, type_, sign, a, b, constant=False)

            self.add((type_,), type_, f"{value} {sign} a", left)

    def casts(self) -> None:
        for found, to in itertools.product(INTEGERS, INTEGERS):
            self.add((found,), to, f"{to.name}.wrap(a)", to.wrap)

            def exact(a: int, to: Int = to) -> int:
                if self.checks and not to.fits(a):
                    raise Trap("CAST")
                return to.wrap(a)

            self.add((found,), to, f"{to.name}(a)", exact)
        for to in INTEGERS:
            self.add((BOOL,), to, f"{to.name}(a)", int)

    def intrinsics(self) -> None:
        for type_, (name, (count, model)) in itertools.product(UNSIGNED, INTRINSICS.items()):
            given = (type_,) * count
            body = f"{name}({', '.join('ab'[:count])})"
            self.add(given, type_, body, lambda *v, t=type_, m=model: m(t, *v))


def values(type_: Scalar) -> list[int]:
    if not isinstance(type_, Int):
        return [0, 1]
    return type_.boundaries()


@pytest.mark.parametrize("checks", [True, False], ids=["debug", "release"])
@pytest.mark.parametrize("level", range(4))
def test_operators_at_the_boundaries(workshop: Workshop, level: int, checks: bool) -> None:
    suite = Suite(checks=checks)
    suite.arithmetic()
    suite.comparisons()
    suite.constants()
    suite.casts()
    suite.intrinsics()
    module = workshop.load("\n".join(suite.text))
    jit = Jit(module, gate, checks=checks, level=level)
    wrong, calls = isolated(_boundaries)(jit, module, suite)
    assert wrong == []
    assert calls > 90_000


def _boundaries(jit: Jit, module: ModuleType, suite: Suite) -> tuple[list[str], int]:
    runner, wrong, calls = Runner(jit), [], 0
    for (name, given, result, model), text in zip(suite.functions, suite.text, strict=True):
        function = getattr(module, name)
        for arguments in itertools.product(*map(values, given)):
            expected: int | str
            try:
                expected = int(model(*arguments))
            except Trap as trap:
                expected = trap.kind
            found = runner.call(function, list(arguments))
            if isinstance(found, int):
                found = result.wrap(found) if isinstance(result, Int) else found & 0xFF
            calls += 1
            if found != expected:
                wrong.append(f"{text}{arguments} gave {found}, not {expected}")
                break
    return wrong, calls


# ---- all pairs of bytes ----------------------------------------------------------------------


def byte_functions() -> Iterator[tuple[str, Int, str]]:
    """(name, type, sign) of functions that tabulate an operator for every pair of bytes."""
    named = list(zip(ARITHMETIC, WORDS, strict=True))
    for type_, (sign, word) in itertools.product((U8, I8), named):
        yield f"{word}_{type_.name}", type_, sign


def byte_text(name: str, type_: Int, sign: str) -> str:
    guard = {
        "//": f"if b == 0 or (a == {type_.low} and b == {-1 if type_.signed else 0}):",
        "%": "if b == 0:",
        "<<": "if b < 0 or b > 7:",
        ">>": "if b < 0 or b > 7:",
    }.get(sign, "")
    skip = f"            {guard}\n                continue\n" if guard else ""
    return (
        f"@metal\ndef {name}(out: Array[{type_.name}, 65536]) -> None:\n"
        "    for i in range(u64(256)):\n"
        f"        a = {type_.name}.wrap(i)\n"
        "        for k in range(u64(256)):\n"
        f"            b = {type_.name}.wrap(k)\n{skip}"
        f"            out[i * 256 + k] = a {sign} b\n"
    )


def byte_table(type_: Int, sign: str) -> bytes:
    frame = Frame(Machine(True, {}))
    table = bytearray(65536)
    for i, k in itertools.product(range(256), repeat=2):
        try:
            made = apply(frame, type_, sign, type_.wrap(i), type_.wrap(k), constant=False)
        except Trap:
            continue
        table[i * 256 + k] = made & 0xFF
    return bytes(table)


@pytest.mark.parametrize("checks", [True, False], ids=["debug", "release"])
def test_all_pairs_of_bytes(workshop: Workshop, checks: bool) -> None:
    module = workshop.load("\n".join(byte_text(*part) for part in byte_functions()))
    expected = {part: byte_table(*part[1:]) for part in byte_functions()}
    for level in range(4):
        jit = Jit(module, checks=checks, level=level)
        for part, table in expected.items():
            out = bytearray(65536)
            jit[getattr(module, part[0])](out)
            assert bytes(out) == table, f"{part[0]} at level {level}"
