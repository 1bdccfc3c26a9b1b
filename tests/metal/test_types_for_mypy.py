"""What mypy makes of metal: valid code passes in strict mode, mixed widths do not, ever."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from questv.metal import lang
from questv.metal.jit import Jit
from questv.metal.stubs import STUB, stub_text

from .loading import Workshop

ROOT = Path(__file__).parents[2]

GOOD = '''\
"""Every part of the language once."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NoReturn

from questv.metal.lang import (
    ACQ_REL, ACQUIRE, RELAXED, RELEASE, SEQ_CST, Array, Atomic, Formatter, Ptr, Register, Shared,
    Volatile, addr, asm, assembly, byte_swap, clear, constant, copy, count_ones, external, f32,
    f64, fence, float_bits, float_from_bits, i8, i16, i32, i64, leading_zeros, local, metal,
    module_assembly, multiply_high, ptr, square_root, static, text_bytes,
    trailing_zeros, trap, u8, u16, u32, u64,
)
from questv.metal.structs import Struct, at, offsetof, sizeof, width

LENGTH = 8
Step = Callable[[u32], u32]


@width(u16)
class Color(enum.IntEnum):
    RED = 1
    BLUE = 2


@width(u8)
class Flags(enum.IntFlag):
    A = 1
    B = 2


class Inner(Struct):
    a: u8
    b: i64

    @metal
    def sum(self, more: i64) -> i64:
        return self.b + i64(self.a) + more


class Block(Struct, size=0x400):
    control: u32 = at(0x00)
    rip: u64 = at(0x178)


class Message(Struct, packed=True):
    color: Color
    flags: Flags
    ok: bool
    body: Array[u8, LENGTH]
    inner: Inner
    inners: Array[Inner, 2]
    next: Ptr[Message]
    step: Callable[[u32], u32]


class Cells(Struct):
    a: Atomic[u32]
    s: Shared[u64]
    v: Volatile[u16]
    r: Register[u8]


count: u64 = static(0)
table: Array[u32, LENGTH] = constant([1, 2, 3])
messages: Array[Message, 2] = static()
outside: u64 = external("__outside")
module_assembly("")


@assembly("mov eax, edi\\nret", export="same", stack=0)
def same(a: u32) -> u32:
    raise NotImplementedError


@metal
def plain(a: u32) -> u32:
    return a


steps: Array[Step, 2] = constant([plain, same])


@metal
def arithmetic(a: u32, b: u32, c: i16) -> u32:
    d = a + b * 2 - 3
    d = 7 - d // 2 % 5
    d <<= 1
    d |= 0x10
    d = -d ^ ~a & 0xFF
    e: i16 = -5
    e += c
    f = 1 if a > b else a
    g: u64 = u64(a) << 3
    h = u8.wrap(g) + u8(a & 7)
    if 1 < a <= b < 100 or a == 0 and not b != 5:
        return u32(h)
    return min(f, 9) + max(1, d) + u32(e > 0) + u32(u16.MAX)


@metal
def places(m: Message, n: Ptr[Message], i: u8) -> i64:
    m.body[i] = 3
    m.body[0] += 1
    m.inner.b = m.inners[1].b
    m.inner.a = u8(len(m.body))
    n[0].ok = not m.ok
    n[1].next = ptr(messages[1])
    m.next[0].color = Color.BLUE
    if n.is_null() or n == m.next:
        return 0
    mine: Message = local()
    copy(mine, m)
    clear(mine)
    byte = Ptr[u8](addr(mine))
    raw = byte[3]
    q = Ptr[u32](n)
    return m.inner.sum(5) + i64(raw) + i64(q[0])


@metal
def flow(color: Color, flags: Flags, n: u64) -> u64:
    global count
    total: u64 = 0
    for i in range(n):
        if i == 5:
            continue
        total += i
        count += 1
    for k in range(u8(3), 9, 2):
        total += u64(k)
    while total > 100:
        total //= 2
        if total == 7:
            break
    match color:
        case Color.RED:
            total += 1
        case _:
            total += 2
    match n:
        case 1 | 2:
            total = 5
        case _:
            pass
    flags |= Flags.B
    if Flags.A in flags and flags & ~Flags.B != Flags(0):
        total = u64(color) + u64(flags)
    assert total < 10_000
    return total + sizeof(Message) + offsetof(Message, "ok")


@metal
def pointers(step: Step, i: u64) -> u32:
    chosen = plain if i > 3 else same
    return steps[i](1) + step(2) + chosen(3) + messages[0].step(4)


@metal
def cells(c: Cells) -> u32:
    c.a.store(1, RELEASE)
    seen = c.s.load(ACQUIRE)
    c.s.store(seen + 1, RELAXED)
    c.v.write(c.v.read() | 1)
    c.r.write(7)
    fence(SEQ_CST)
    return c.a.add(1, ACQ_REL) + c.a.compare_swap(1, 2, SEQ_CST) + u32(seen)


@metal
def machine(a: u64, b: u64) -> u64:
    c = asm("mov $0, $1", u64, "=r,r", a)
    low, high = asm("mul $3", (u64, u64), "={rax},={rdx},0,r", a, b)
    asm("nop", None, "")
    bits = leading_zeros(a) + trailing_zeros(b) + count_ones(a)
    return c + low + high + bits + byte_swap(b) + multiply_high(a, b)


@metal(floats=True)
def floats(a: f64, b: f32) -> f64:
    c = a * 2 + 0.5
    c -= f64(b) + square_root(a)
    c += float_from_bits(float_bits(a) | u64(float_bits(b)))
    return c if a < b_or(a) else -c / 2.0


@metal(floats=True, inline=True)
def b_or(a: f64) -> f64:
    return max(a, f64(u32(a)))


@metal
def begin() -> None:
    pass


@metal
def text(part: str) -> None:
    byte = text_bytes(part)
    for i in range(len(part)):
        same(u32(byte[i]))


@metal
def unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    pass


@metal
def signed(value: i64, width: u8) -> None:
    pass


log = Formatter(begin=begin, text=text, unsigned=unsigned, signed=signed, end=begin)


@metal(export="stop", role="panic")
def stop(a: i8, b: i32) -> NoReturn:
    log(f"stopped {a} at {b:8}")
    trap()
'''

BAD = """\
from __future__ import annotations

from questv.metal.lang import Array, Atomic, Ptr, f64, i32, metal, u8, u16, u32, u64, RELAXED
from questv.metal.structs import Struct


class Pair(Struct):
    a: u32
    b: Atomic[u32]


@metal
def mixed(a: u32, b: u64, c: i32, p: Ptr[u32], m: Pair, t: Array[u8, 4]) -> u32:
    a + b  # error
    a + c  # error
    a & u8(1)  # error
    a << b  # error
    a < b  # error
    a += b  # error
    x: u64 = a  # error
    y: u8 = b  # error
    y = a  # error
    m.a = b  # error
    m.c = a  # error
    p[0] = b  # error
    p[c] = a  # error
    t[1] = u16(3)  # error
    m.b += 1  # error
    m.b.store(b, RELAXED)  # error
    m.b.load()  # error
    z: u32 = m.b  # error
    a / a  # error
    f: f64 = a  # error
    p + 1  # error
    p = Ptr[u64](b)  # error
    min(a, b) + a  # error
    other(b)  # error
    other(a, a)  # error
    other("text")  # error
    if a == 3 and a < 5:
        return b  # error
    return 1.5  # error


@metal
def other(a: u32) -> None:
    a = 1
    a = a + 1
"""


class Mypy:
    """Runs of mypy that share a cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "mypy.ini").write_text(
            "[mypy]\nstrict = True\npython_version = 3.11\n"
            "plugins = questv.metal.mypy_plugin\n"
            "[mypy-elftools.*,llvmlite.*]\nignore_missing_imports = True\n"
            "[mypy-bad]\ndisable_error_code = misc\n"
        )

    def check(self, name: str, text: str) -> list[str]:
        """The errors in a module with a text, one to a line."""
        path = self._folder / f"{name}.py"
        path.write_text(text)
        command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--no-error-summary"]
        command += ["--cache-dir", "cache", path.name]
        run = subprocess.run(
            command,
            cwd=self._folder,
            env={"MYPYPATH": str(ROOT), "PATH": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stderr == ""
        return [line for line in run.stdout.splitlines() if ": error:" in line]


def error_lines(found: list[str]) -> set[int]:
    return {int(line.split(":")[1]) for line in found}


def marked_lines(text: str) -> set[int]:
    return {number for number, line in enumerate(text.splitlines(), 1) if "# error" in line}


def test_the_stub_is_current() -> None:
    assert STUB.read_text() == stub_text(), "run: python -m questv.metal.stubs"


def test_the_stub_has_the_names_of_the_language() -> None:
    names: set[str] = set()
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    assert {name for name in names if not name.startswith("_")} == set(vars(lang)["__all__"])


def test_good_code_compiles(workshop: Workshop) -> None:
    module = workshop.load(GOOD, header="")
    jit = Jit(module)
    assert jit[module.arithmetic](1, 2, 3) is not None


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Mypy:
    return Mypy(tmp_path_factory.mktemp("mypy"))


def test_mypy(mypy: Mypy) -> None:
    """Cold, then warm: what mypy keeps of the stub must not be less than what it read first."""
    assert mypy.check("good", GOOD) == []
    assert error_lines(mypy.check("bad", BAD)) == marked_lines(BAD), "with the stub from the cache"
    assert mypy.check("good", GOOD + "# changed\n") == []
    assert error_lines(mypy.check("bad", BAD + "# changed\n")) == marked_lines(BAD)
    assert mypy.check("good", GOOD + "# changed\n") == [], "nothing new to check"
    caller = "from good import plain\n\n\ndef run() -> None:\n    plain(3)\n"
    assert mypy.check("caller", caller) == [], "a module that does nothing but call"
    small = (
        "from questv.metal.lang import metal, u8\n\n\n@metal\ndef f(a: u8) -> u8:\n"
        "    b = a + 1\n    b = 2\n    return 3\n"
    )
    assert mypy.check("small", small) == [], "a module that names the types nowhere else"
