"""Stack depths: no call ever uses more than was worked out, and plain ones exactly that."""

from __future__ import annotations

import ctypes
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.code import frame_size
from questv.metal.isolate import isolated
from questv.metal.jit import Jit
from questv.metal.stack import RETURN_ADDRESS, StackDepths, StackError
from questv.metal.units import UnitCompiler

from . import gate
from .differential import Case, Tally, Variables, cases
from .generate.maker import make_inputs, make_program
from .generate.program import Program
from .loading import Workshop

PAINT = 0xA5
STACK = 1 << 16


class PaintedStack:
    """A stack of its own for a call, that shows how deep the call went."""

    def __init__(self, jit: Jit) -> None:
        self._jit = jit
        self._memory = (ctypes.c_uint8 * (STACK + 64))()
        self._top = (ctypes.addressof(self._memory) + STACK) & ~63
        self._arguments = (ctypes.c_uint64 * 6)()
        prototype = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 3)
        self._enter = prototype(jit.address(gate.enter_on_stack))  # type: ignore[arg-type]

    def used(self, function: Any, *arguments: int) -> int:
        """The bytes of stack that a call touches, its return address included."""
        ctypes.memset(self._memory, PAINT, len(self._memory))
        for index, argument in enumerate(arguments):
            self._arguments[index] = argument % 2**64
        where = ctypes.addressof(self._arguments)
        self._enter(self._top, self._jit.address(function), where)
        painted = bytes(self._memory)
        untouched = len(painted) - len(painted.lstrip(bytes([PAINT])))
        return self._top - ctypes.addressof(self._memory) - untouched


# The leaf touches the last bytes of its frame, and what a function keeps across a call it saves.
CHAIN = r'''
deepest: u64 = static(0)
sink: u64 = static(0)

@assembly(
    """
    push rax
    mov [rip + leaf_seen], rsp
    pop rax
    lea rax, [rdi + 1]
    ret
    """,
    stack=8,
)
def leaf(a: u64) -> u64:
    """Notes how deep the stack is when one more word lies on it."""

seen: u64 = static(0, export="leaf_seen")

@metal
def one(a: u64) -> u64:
    return leaf(a) + a

@metal
def saves(a: u64, b: u64, c: u64, d: u64) -> u64:
    x = leaf(a + b)
    y = leaf(c + d)
    return x * a + y * b + c + d

@metal
def big(a: u64) -> u64:
    frame: Array[u64, 500] = local()
    for i in range(u64(500)):
        frame[i] = leaf(i)
    total: u64 = 0
    for i in range(u64(500)):
        total += frame[(i * a) % 500]
    return total + one(a)

@metal
def small(a: u64) -> u64:
    frame: Array[u8, 24] = local()
    frame[a % 24] = u8.wrap(leaf(a))
    return u64(frame[(a + 1) % 24])

@metal
def chosen(a: u64) -> u64:
    if a > 5:
        return big(a) + 1
    return small(a) + 1

@metal
def by_pointer(a: u64) -> u64:
    step = big if a > 5 else small
    return step(a) + 1

@metal(inline=True)
def copied(a: u64) -> u64:
    return leaf(a) * 3

@metal
def with_copy(a: u64) -> u64:
    return copied(a) + copied(a + 1)

@metal
def nothing(a: u64) -> u64:
    return a

@metal
def moves(a: u64) -> u64:
    x: Array[u64, 64] = local()
    y: Array[u64, 64] = local()
    x[a % 64] = 5
    copy(y, x)
    leaf(addr(y) + addr(x))
    return y[a % 64]
'''
ARGUMENTS = {
    "one": (7,),
    "saves": (1, 2, 3, 4),
    "big": (7,),
    "small": (7,),
    "chosen": (7,),
    "by_pointer": (7,),
    "with_copy": (7,),
    "moves": (7,),
}


@pytest.fixture
def chain(workshop: Workshop) -> ModuleType:
    return workshop.load(CHAIN, "chain")


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("checks", [True, False], ids=["debug", "release"])
def test_depths_are_exact(chain: ModuleType, level: int, checks: bool) -> None:
    """The leaf is the deepest point of each call, and it says where the stack pointer was."""
    jit = Jit(chain, gate, level=level, checks=checks)
    depths = StackDepths(jit.units.values())
    stack = PaintedStack(jit)
    seen = jit.variable
    for name, arguments in ARGUMENTS.items():
        stack.used(getattr(chain, name), *arguments)
        assert stack._top - seen(chain.seen) == depths.depth(f"chain.{name}"), name
    if level > 0:
        assert depths.depth("chain.nothing") == RETURN_ADDRESS + 8, "a saved frame pointer"
    assert depths.depth("chain.leaf") == RETURN_ADDRESS + 8


def test_depths_and_paths_add_up(chain: ModuleType) -> None:
    depths = StackDepths(UnitCompiler(checks=True, level=0).compile(["chain"]).values())
    for name in ARGUMENTS:
        path = depths.path(f"chain.{name}")
        assert sum(frame for _, frame in path) == depths.depth(f"chain.{name}")
        assert path[0][0] == name
        assert path[-1] == ("leaf", RETURN_ADDRESS + 8)
    assert [name for name, _ in depths.path("chain.chosen")] == ["chosen", "big", "one", "leaf"]
    path = [name for name, _ in depths.path("chain.by_pointer")]
    assert path == ["by_pointer", "big", "one", "leaf"]
    assert dict(depths.path("chain.big"))["big"] >= 4000
    with pytest.raises(StackError, match="nowhere"):
        depths.depth("chain.nowhere")


def measure(
    jit: Jit, module: ModuleType, program: Program, calls: list[Case]
) -> list[tuple[str, int]]:
    """The stack that each call uses which returns."""
    stack, variables = PaintedStack(jit), Variables(jit, module, program)
    found = []
    for case in calls:
        if isinstance(case.outcome, int):
            variables.reset()
            function = getattr(module, case.function.name)
            found.append((case.function.name, stack.used(function, *case.arguments)))
    return found


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 42), marks=pytest.mark.long)], ids=["few", "many"]
)
def test_random_programs_stay_within_their_depth(tmp_path: Path, level: int, seeds: range) -> None:
    for seed in seeds:
        random = Random(1000 * level + seed)
        program = make_program(random, 12)
        inputs = [
            (function, arguments)
            for function in program.entries
            for arguments in make_inputs(random, function, 4)
        ]
        expected = cases(program, inputs, False, Tally())
        workshop = Workshop(tmp_path)
        try:
            module = workshop.load(program.text(), f"deep{level}{seed}", header="")
            jit = Jit(module, gate, level=level, checks=False)
            depths = StackDepths(jit.units.values())
            measured = isolated(measure)(jit, module, program, expected)
        finally:
            workshop.close()
        assert len(measured) > 10
        for name, used in measured:
            assert RETURN_ADDRESS < used <= depths.depth(f"deep{level}{seed}.{name}")


PUSHES = """
@metal
def flags(a: u64) -> u64:
    asm("push 0\\npush 0\\npush 0\\npush 0\\nadd rsp, 32", None, "")
    return a + asm("pushfq\\npop $0", u64, "=r")

@metal(inline=True)
def copied(a: u64) -> u64:
    return flags(a) + asm("push 1\\npop $0", u64, "=r")

@metal
def caller(a: u64) -> u64:
    return copied(a) + 1

@metal
def other(a: u64) -> u64:
    return a + asm("push 1\\npush 2\\npop $0\\npop $0", u64, "=r")
"""


@pytest.mark.parametrize("level", range(4))
def test_what_inline_assembly_pushes(workshop: Workshop, level: int) -> None:
    module = workshop.load(PUSHES, "pushes")
    jit = Jit(module, gate, level=level)
    depths, stack = StackDepths(jit.units.values()), PaintedStack(jit)
    for name in ("flags", "caller", "other"):
        used = stack.used(getattr(module, name), 7)
        assert used == depths.depth(f"pushes.{name}"), name


# ---- recursion -------------------------------------------------------------------------------

RECURSION = {
    "itself": (
        "@metal\ndef f(a: u32) -> u32:\n    return f(a - 1) + 1 if a > 0 else 0\n",
        ["f -> f"],
    ),
    "a circle": (
        "@metal\ndef f(a: u32) -> u32:\n    return g(a) + 1\n"
        "@metal\ndef g(a: u32) -> u32:\n    return h(a) + 1\n"
        "@metal\ndef h(a: u32) -> u32:\n    return f(a) + 1\n",
        ["f -> g -> h -> f"],
    ),
    "a pointer": (
        "@metal\ndef f(a: u32) -> u32:\n    step = table[0]\n    return step(a) + 1\n"
        "table: Array[Callable[[u32], u32], 1] = constant([f])\n",
        ["f -> f"],
    ),
    "a pointer that is passed on": (
        "@metal\ndef run(step: Callable[[u32], u32], a: u32) -> u32:\n    return step(a) + 1\n"
        "@metal\ndef f(a: u32) -> u32:\n    return run(f, a) + 1\n",
        ["f -> run -> f"],
    ),
    "assembly": (
        '@metal(export="back")\ndef f(a: u32) -> u32:\n    return over(a) + 1\n'
        '@assembly("call back\\nret")\ndef over(a: u32) -> u32: ...\n',
        ["f -> over -> f"],
    ),
    "an assembly jump": (
        '@metal(export="back")\ndef f(a: u32) -> u32:\n    return over(a) + 1\n'
        '@assembly("jmp back")\ndef over(a: u32) -> u32: ...\n',
        ["f -> over -> f"],
    ),
    "inline assembly": (
        '@metal(export="back")\ndef f() -> None:\n    asm("call back", None, "~{rax}")\n',
        ["f -> f"],
    ),
    "a method": (
        "class P(Struct):\n    a: u32\n"
        "    @metal\n    def f(self) -> u32:\n        return self.f() + 1\n",
        ["P.f -> P.f"],
    ),
}


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("what", RECURSION)
def test_recursion(workshop: Workshop, what: str, level: int) -> None:
    text, circles = RECURSION[what]
    name = workshop.load(text).__name__
    units = UnitCompiler(checks=True, level=level).compile([name])
    with pytest.raises(DiagnosticsError) as caught:
        StackDepths(units.values())
    found = [diagnostic.message for diagnostic in caught.value.diagnostics]
    assert {diagnostic.rule for diagnostic in caught.value.diagnostics} == {"recursion"}
    assert len(found) == len(circles)
    for message, circle in zip(found, circles, strict=True):
        names = circle.split(" -> ")
        turns = {" -> ".join([*names[i:-1], *names[:i], names[i]]) for i in range(len(names) - 1)}
        assert message.removeprefix("functions call themselves: ") in turns


UNREACHED = """
LEVELS = 1

@metal
def by_statement(a: u64) -> u64:
    if LEVELS > 1:
        return by_statement(a - 1)
    return a

@metal
def by_value(a: u64) -> u64:
    return by_value(a - 1) if LEVELS > 1 else a

@metal(inline=True)
def copied(a: u64) -> u64:
    if LEVELS == 1:
        return a
    else:
        return copied(a - 1)

@metal
def uses(a: u64) -> u64:
    return copied(a)

@metal
def pushes(a: u64) -> u64:
    if LEVELS > 1:
        asm("push 1\\npush 2\\nadd rsp, 16", None, "")
    return a
"""


def test_what_is_not_compiled_does_not_count(workshop: Workshop) -> None:
    module = workshop.load(UNREACHED, "unreached")
    depths = StackDepths(UnitCompiler(checks=True).compile(["unreached"]).values())
    for name in ("by_statement", "by_value", "uses", "pushes"):
        assert depths.depth(f"unreached.{name}") == RETURN_ADDRESS + 8, name
    workshop.load(UNREACHED.replace("LEVELS = 1", "LEVELS = 2"), module.__name__)
    with pytest.raises(DiagnosticsError, match="functions call themselves"):
        StackDepths(UnitCompiler(checks=True).compile(["unreached"]).values())


def test_pointers_of_other_types_are_no_recursion(workshop: Workshop) -> None:
    name = workshop.load(
        "@metal\ndef leaf(a: u16) -> u16:\n    return a\n"
        "@metal\ndef f(a: u32) -> u32:\n    step = other[0]\n    return u32(step(3)) + a\n"
        "table: Array[Callable[[u32], u32], 1] = constant([f])\n"
        "other: Array[Callable[[u16], u16], 1] = constant([leaf])\n"
    ).__name__
    depths = StackDepths(UnitCompiler(checks=True).compile([name]).values())
    assert depths.depth(f"{name}.f") > depths.depth(f"{name}.leaf")


def test_pointers_that_others_take(workshop: Workshop) -> None:
    """A program may hand over functions that no unit takes the address of."""
    name = workshop.load(
        "@metal\ndef task() -> None:\n    room: Array[u8, 1000] = local()\n    room[3] = 1\n"
        "    x = ptr(room[0])\n    sink(x)\n"
        "@metal\ndef sink(p: Ptr[u8]) -> None:\n    p[0] = 2\n"
        "@metal\ndef run(step: Callable[[], None]) -> None:\n    step()\n"
    ).__name__
    units = UnitCompiler(checks=True, level=0).compile([name])
    alone = StackDepths(units.values()).depth(f"{name}.run")
    given = StackDepths(units.values(), {f"{name}.task": "Callable[[], None]"})
    assert alone < 200
    assert given.depth(f"{name}.run") > 1000


@pytest.mark.parametrize(
    ("code", "size"),
    [
        ("c3", 0),
        ("55 48 89 e5 5d c3", 8),
        ("55 48 89 e5 41 57 41 56 53 50 e8 00 00 00 00", 40),
        ("55 48 89 e5 48 83 ec 20 31 c0", 8 + 32),
        ("55 48 89 e5 48 81 ec 00 10 00 00 31 c0", 8 + 4096),
        ("55 48 89 e5 48 83 e4 c0 48 81 ec 80 00 00 00", 8 + 64 + 128),
        ("55 48 89 e5 41 54 53 48 83 e4 e0 48 83 ec 40", 24 + 32 + 64),
        ("55 48 89 e5 48 83 ec 20 48 83 e4 e0 31 c0", 8 + 32 + 32),
        ("55 48 89 e5 48 81 ec 00 10 00 00 48 83 e4 c0", 8 + 4096 + 64),
    ],
)
def test_prologues(code: str, size: int) -> None:
    assert frame_size(bytes.fromhex(code)) == size
