"""Calls: through pointers, of inline functions in other modules, of assembly, by exported names."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.isolate import MetalFault, isolated
from questv.metal.jit import Jit
from questv.metal.link import LinkError, link, link_library
from questv.metal.symbols import Symbols
from questv.metal.tree import TrapKind
from questv.metal.units import UnitCompiler

from .loading import Workshop
from .machine_code import functions

SCRIPT = """
SECTIONS {
    . = 0x400000;
    .text : { *(.text*) }
    .rodata : { *(.rodata*) }
    .data : { *(.data*) }
    .bss : { *(.bss*) }
    /DISCARD/ : { *(.eh_frame*) }
}
"""

# ---- function pointers -----------------------------------------------------------------------

POINTERS = """
Step = Callable[[u32, u32], u32]

@metal
def plus(a: u32, b: u32) -> u32:
    return a + b

@metal
def minus(a: u32, b: u32) -> u32:
    return a - b

@metal
def times(a: u32, b: u32) -> u32:
    return a * b

class Device(Struct):
    base: u32
    step: Step
    steps: Array[Callable[[u32, u32], u32], 2]

steps: Array[Callable[[u32, u32], u32], 3] = constant([plus, minus, times])
chosen: Callable[[u32, u32], u32] = static(minus)
device: Device = static({"base": 7, "step": times, "steps": [plus, minus]})

@metal
def by_table(index: u64, a: u32, b: u32) -> u32:
    return steps[index](a, b)

@metal
def by_variable(a: u32, b: u32) -> u32:
    return chosen(a, b)

@metal
def choose(step: Step) -> None:
    global chosen
    chosen = step

@metal
def by_choice(up: bool, a: u32, b: u32) -> u32:
    step = plus if up else minus
    return step(a, b)

@metal
def by_field(d: Device, b: u32) -> u32:
    return d.step(d.base, b) + d.steps[1](d.base, b)

@metal
def apply(step: Step, a: u32) -> u32:
    return step(step(a, a), a)

@metal
def pass_on(a: u32) -> u32:
    return apply(plus, a) + apply(times, a)

@metal
def is_plus(step: Step) -> bool:
    return step == plus

@metal
def where() -> u64:
    return addr(plus)
"""


@pytest.mark.parametrize("level", [0, 2])
def test_function_pointers(workshop: Workshop, level: int) -> None:
    module = workshop.load(POINTERS)
    jit = Jit(module, level=level)
    assert [jit[module.by_table](index, 9, 4) for index in range(3)] == [13, 5, 36]
    assert jit[module.by_variable](9, 4) == 5
    jit[module.choose](module.times)
    assert jit[module.by_variable](9, 4) == 36
    assert [jit[module.by_choice](up, 9, 4) for up in (True, False)] == [13, 5]
    assert jit[module.by_field](module.device, 3) == 21 + 4
    assert jit[module.apply](module.plus, 5) == 15
    assert jit[module.pass_on](5) == 15 + 125
    assert jit[module.is_plus](module.plus) is True
    assert jit[module.is_plus](module.minus) is False
    assert jit[module.where]() == jit.address(module.plus)


# ---- inline functions of other modules -------------------------------------------------------

LIBRARY = """
class Pair(Struct):
    low: u32
    high: u32

    @metal(inline=True)
    def both(self) -> u64:
        return u64(self.high) << 32 | u64(self.low)

hits: u64 = static(0)

@metal(inline=True)
def twice(a: u64) -> u64:
    return a + a

@metal(inline=True)
def four_times(a: u64) -> u64:
    return twice(twice(a))

@metal
def outside(a: u64) -> u64:
    return a ^ 0x55

@metal(inline=True)
def counted(a: u64) -> u64:
    global hits
    hits += 1
    return outside(a) + hits
"""

USER = """
from library import Pair, counted, four_times, hits
import library

@metal
def use(a: u64) -> u64:
    return four_times(a) + library.twice(1)

@metal
def use_pair(p: Pair) -> u64:
    return p.both()

@metal
def use_counted(a: u64) -> u64:
    return counted(a) + counted(a) + hits

@metal(floats=True)
def with_floats(a: f64) -> u64:
    return library.twice(u64(a))
"""


@pytest.mark.parametrize("level", range(4))
def test_inline_functions_of_another_module(workshop: Workshop, level: int) -> None:
    library = workshop.load(LIBRARY, "library")
    user = workshop.load(USER, "user")
    jit = Jit(user, level=level)
    assert jit[user.use](10) == 42
    assert jit[user.use_pair](library.Pair(low=1, high=2)) == 0x2_0000_0001
    assert jit[user.use_counted](0) == 0x55 + 1 + 0x55 + 2 + 2
    assert jit.variable(library.hits) == 2
    assert jit[user.with_floats](21.0) == 42
    code = functions(user, checks=True, level=level)
    for name in ("use", "use_pair", "with_floats"):
        jumps = [part for part in code[name] if part.name in ("call", "jmp")]
        assert all(f"{name}+0x" in part.operands for part in jumps), "it stays in its own code"
    unit = jit.units["user"]
    facts = {found.name: found for found in unit.functions}
    assert facts["use_counted"].calls == ("library.outside",)
    assert facts["use"].calls == ()


def test_a_module_of_inline_functions_alone_is_not_linked(workshop: Workshop) -> None:
    workshop.load("@metal(inline=True)\ndef one() -> u32:\n    return 1\n", "only_inline")
    user = workshop.load(
        "import only_inline\n@metal\ndef use() -> u32:\n    return only_inline.one()\n"
    )
    assert "only_inline" not in Jit(user).units


@pytest.mark.parametrize(
    "text",
    [
        "@metal(inline=True)\ndef f(a: u32) -> u32:\n    return f(a)\n",
        "@metal(inline=True)\ndef g(a: u32) -> u32:\n    return f(a)\n"
        "@metal(inline=True)\ndef f(a: u32) -> u32:\n    return g(a)\n",
    ],
)
def test_inline_functions_do_not_recur(workshop: Workshop, text: str) -> None:
    workshop.load(text, "endless")
    user = workshop.load("from endless import f\n@metal\ndef use() -> u32:\n    return f(1)\n")
    with pytest.raises(DiagnosticsError) as caught:
        Jit(user)
    assert {found.rule for found in caught.value.diagnostics} == {"recursion"}


# ---- assembly --------------------------------------------------------------------------------

ASSEMBLY = r'''
counter: u64 = static(40, export="the_counter")

@metal(export="add_two")
def add_two(a: u64) -> u64:
    return a + 2

@assembly(
    """
    push rbx
    mov rbx, [rip + the_counter]
    call add_two
    add rax, rbx
    pop rbx
    ret
    """,
    export="mixed",
    stack=8,
)
def mixed(a: u64) -> u64:
    """Calls metal from assembly and reads a variable."""
    raise NotImplementedError

@assembly("lea eax, [rdi + rsi*2]\nret")
def unexported(a: u32, b: u32) -> u32: ...

module_assembly(
    """
    .section ".text.loose","ax",@progbits
    .globl loose
    .type loose,@function
loose:
    mov eax, 99
    ret
    .size loose, . - loose
    """
)

@assembly("jmp loose")
def to_loose() -> u32:
    """Reaches a label of the module's own assembly."""

@metal
def use(a: u64) -> u64:
    return mixed(a) + u64(unexported(3, 4)) + u64(to_loose())

@metal
def inline_add(a: u64, b: u64) -> u64:
    return asm("lea $0, [$1 + $2]", u64, "=r,r,r", a, b)

@metal
def divide(high: u64, low: u64, by: u64) -> u64:
    quotient, rest = asm("div $4", (u64, u64), "={rax},={rdx},0,1,r", low, high, by)
    return quotient * 1000 + rest

@metal
def flags() -> u64:
    return asm("pushfq\npop $0", u64, "=r")

@metal
def quoted() -> None:
    asm("# a \"comment\" with $$ and \\ in it", None, "")

@metal
def narrow(a: u8) -> u8:
    return asm("mov $0, $1", u8, "=q,q", a)

@metal
def spread(a: u32) -> u32:
    low: u32 = 0
    low, high = asm("mov $0, $2\nmov $1, $2\nshr $1, 16", (u32, u32), "=&r,=&r,r", a)
    return (low & 0xFFFF) * high
'''


@pytest.mark.parametrize("level", [0, 2])
def test_assembly(workshop: Workshop, level: int) -> None:
    module = workshop.load(ASSEMBLY)
    jit = Jit(module, level=level)
    assert jit[module.mixed](5) == 47
    assert jit[module.unexported](3, 4) == 11
    assert jit[module.use](5) == 47 + 11 + 99
    assert jit[module.inline_add](2**63, 2**63 + 5) == 5
    assert jit[module.divide](1, 0, 2**32) == 2**32 * 1000
    assert jit[module.divide](0, 100, 7) == 14_002
    assert jit[module.flags]() & 2
    assert jit[module.quoted]() is None
    assert [jit[module.narrow](value) for value in (0, 1, 255)] == [0, 1, 255]
    assert jit[module.spread](0x0003_0005) == 15


TRUTH = """
@metal
def given(a: bool) -> u32:
    return asm("movzx $0, $1", u32, "=r,q", not a)

@metal
def compared(a: u32, b: u32) -> u32:
    return asm("movzx $0, $1", u32, "=r,q", a < b) + asm("movzx $0, $1", u32, "=r,q", a >= b)

@metal
def known() -> u64:
    return asm("mov $0, $1", u64, "=r,i", True) * 2 + asm("mov $0, $1", u64, "=r,i", False)

@metal
def yielded(a: u8) -> u32:
    return 7 if asm("mov $0, $1", bool, "=q,q", a) else 9

@metal
def one_of_two(a: u8) -> u32:
    truth, number = asm("mov $0, $2\\nmov $1, $2", (bool, u8), "=&q,=&q,q", a)
    return (7 if truth else 9) + u32(number)

@metal
def stored(a: u8, to: Ptr[bool]) -> bool:
    to[0] = asm("mov $0, $1", bool, "=q,q", a)
    return to[0]
"""


@pytest.mark.parametrize("level", range(4))
def test_truth_values_in_assembly(workshop: Workshop, level: int) -> None:
    """One byte, zero or one on the way in; on the way out any but zero is true."""
    module = workshop.load(TRUTH)
    jit = Jit(module, level=level)
    assert [jit[module.given](a) for a in (False, True)] == [1, 0]
    assert [jit[module.compared](a, 5) for a in (4, 5, 6)] == [1, 1, 1]
    assert jit[module.known]() == 2
    for value in (0, 1, 2, 3, 128, 255):
        expected = 7 if value else 9
        assert jit[module.yielded](value) == expected
        assert jit[module.one_of_two](value) == expected + value
        memory = bytearray(1)
        assert jit[module.stored](value, memory) is (value != 0)
        assert memory[0] == (value != 0)


LIBRARY_NAMES = """
@assembly("lea eax, [rdi + 40]\\nret", export="abs")
def forty_more(a: i32) -> i32: ...

@assembly("mov eax, 7\\nret", export="ffs")
def seven(a: i32) -> i32: ...

@metal
def use() -> i32:
    return forty_more(-2) * 100 + seven(0)
"""


@pytest.mark.parametrize("level", range(4))
def test_names_of_cs_library_mean_nothing(workshop: Workshop, level: int) -> None:
    """LLVM would work out by itself what abs() and ffs() of C yield."""
    module = workshop.load(LIBRARY_NAMES)
    assert Jit(module, level=level)[module.use]() == 3807


def test_exported_names_are_the_linkers(workshop: Workshop) -> None:
    module = workshop.load(ASSEMBLY)
    name = module.__name__
    elf = Symbols(link(Jit(module).units.values(), SCRIPT, [f"{name}.use"]))
    assert {"the_counter", "add_two", "mixed", "loose", f"{name}.unexported"} <= set(elf.by_name)
    assert f"{name}.add_two" not in elf.by_name
    assert f"{name}.divide" not in elf.by_name, "what nothing reaches is left out"
    assert elf.by_name["mixed"].is_function
    assert elf.by_name["mixed"].size == 18
    assert not elf.by_name["the_counter"].is_function


def test_an_undefined_symbol_does_not_link(workshop: Workshop) -> None:
    module = workshop.load(
        '@assembly("jmp nowhere_at_all")\ndef lost() -> None: ...\n'
        "@metal\ndef use() -> None:\n    lost()\n"
    )
    units = UnitCompiler(checks=True).compile([module.__name__])
    with pytest.raises(LinkError, match="nothing defines nowhere_at_all"):
        Jit(module)
    with pytest.raises(LinkError, match="undefined reference to `nowhere_at_all'"):
        link(units.values(), SCRIPT, [f"{module.__name__}.use"])


SHARED_OBJECT = """
calls: u32 = static(export="calls")

@assembly("jmp getpid@PLT")
def process() -> u32: ...

@metal(export="own_process")
def own_process() -> u32:
    global calls
    calls += 1
    return process()
"""


def test_a_library_for_a_process_of_this_host(workshop: Workshop, tmp_path: Path) -> None:
    """It calls what is there, and shows what it is to show and no more."""
    units = UnitCompiler(checks=False).compile([workshop.load(SHARED_OBJECT).__name__])
    file = tmp_path / "library.so"
    file.write_bytes(link_library(units.values(), ["own_process"]))
    library = ctypes.CDLL(str(file))
    assert library.own_process() == os.getpid()
    for hidden in ("calls", "memcpy"):
        with pytest.raises(ValueError, match="undefined symbol"):
            ctypes.c_uint32.in_dll(library, hidden)


def test_a_library_that_needs_what_is_not_there_is_not_loaded(
    workshop: Workshop, tmp_path: Path
) -> None:
    text = SHARED_OBJECT.replace("getpid", "nowhere_at_all")
    units = UnitCompiler(checks=False).compile([workshop.load(text).__name__])
    file = tmp_path / "library.so"
    file.write_bytes(link_library(units.values(), ["own_process"]))
    with pytest.raises(OSError, match="undefined symbol: nowhere_at_all"):
        ctypes.CDLL(str(file))


# ---- branches on constants -------------------------------------------------------------------

CHOSEN = """
FEATURE = True

@metal
def value() -> u32:
    if FEATURE:
        found: u32 = 1
    else:
        other = u32(2)
    return found

@metal
def ended() -> u32:
    if FEATURE:
        return 3
    return 4

@metal
def picked(a: u32) -> u32:
    return a + 5 if FEATURE else a // 0x100
"""


def test_a_branch_on_a_constant_is_taken_when_compiled(workshop: Workshop) -> None:
    module = workshop.load(CHOSEN)
    jit = Jit(module)
    assert [jit[module.value](), jit[module.ended](), jit[module.picked](1)] == [1, 3, 6]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("return found", "return other", "maybe-unassigned"),
        ("FEATURE = True", "FEATURE = False", "maybe-unassigned"),
        ("u32(2)", "missing", "unknown-name"),
        ("a // 0x100", "a // missing", "unknown-name"),
    ],
)
def test_both_sides_of_it_are_checked(workshop: Workshop, old: str, new: str, rule: str) -> None:
    module = workshop.load(CHOSEN.replace(old, new))
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    assert [found.rule for found in caught.value.diagnostics] == [rule]


# ---- the order of evaluation -----------------------------------------------------------------

ORDER = """
x: u64 = static(0)
trace: u64 = static(0)
table: Array[u64, 8] = static()

class Cell(Struct):
    value: Atomic[u64]

    @metal
    def take(self, a: u64, b: u64) -> u64:
        return a * 10 + b

cell: Cell = static()

@metal
def note(a: u64) -> u64:
    global trace
    trace = trace * 10 + a
    return a

@metal
def bump(a: u64) -> u64:
    global x
    x += 100
    return note(a)

@metal
def chosen(a: u64) -> Callable[[u64, u64], u64]:
    note(a)
    return pair

@metal
def pair(a: u64, b: u64) -> u64:
    return a + b

@metal
def place(a: u64) -> Cell:
    note(a)
    return cell

@metal
def update() -> u64:
    global x
    x = 1
    x += bump(1)
    return x

@metal
def update_element() -> u64:
    table[1] = 5
    table[note(1)] += note(2)
    return table[1]

@metal
def element_changes() -> u64:
    table[1] = 5
    table[1] -= spoil(2)
    return table[1]

@metal
def spoil(a: u64) -> u64:
    table[1] = 1000
    return note(a)

@metal
def assign() -> u64:
    table[note(2)] = note(1)
    return table[2]

@metal
def operands() -> u64:
    global x
    x = 3
    return x * bump(1) + x

@metal
def comparison() -> bool:
    return note(1) < note(2) < note(3) > note(4) < note(5)

@metal
def arguments() -> u64:
    return pair(note(1), note(2)) + chosen(3)(note(4), note(5)) + place(6).take(note(7), note(8))

@metal
def access() -> u64:
    place(1).value.store(note(2), RELAXED)
    return place(3).value.compare_swap(note(4), note(5), SEQ_CST)

@metal
def conditional() -> u64:
    return note(2) if note(1) == 1 else note(3)

@metal
def logic() -> bool:
    return note(1) == 2 and note(2) == 2 or note(3) == 3 or note(4) == 4

@metal
def counting() -> u64:
    for i in range(note(1), note(3)):
        note(5)
    return 0

@metal
def pointers() -> u64:
    return Ptr[u64](addr(table))[note(1)] + min(note(2), note(3))
"""
ORDERS: dict[str, tuple[int, int]] = {
    "update": (2, 1),
    "update_element": (7, 12),
    "element_changes": (3, 2),
    "assign": (1, 12),
    "operands": (3 + 103, 1),
    "comparison": (False, 1234),
    "arguments": (3 + 9 + 78, 12345678),
    "access": (2, 12345),
    "conditional": (2, 12),
    "logic": (True, 13),
    "counting": (0, 1355),
    "pointers": (2, 123),
}


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("name", ORDERS)
def test_evaluation_is_in_pythons_order(workshop: Workshop, name: str, level: int) -> None:
    module = workshop.load(ORDER)
    jit = Jit(module, level=level)
    assert (jit[getattr(module, name)](), jit.variable(module.trace)) == ORDERS[name]


# ---- the call from Python --------------------------------------------------------------------

CALLED = """
class Pair(Struct):
    a: u32
    b: u32

pair: Pair = static({"a": 1, "b": 2})
table: Array[u16, 4] = static([1, 2, 3, 4])

@metal
def six(a: u8, b: i16, c: u32, d: i64, e: bool, f: u64) -> i64:
    return i64(a) + i64(b) + i64(c) + d + i64(e) + i64.wrap(f)

@metal
def swap(pair: Pair) -> Pair:
    kept = pair.a
    pair.a = pair.b
    pair.b = kept
    return pair

@metal
def fill(to: Ptr[u8], count: u64) -> Ptr[u8]:
    for i in range(count):
        to[i] = u8.wrap(i)
    return ptr(to[count])

@metal
def own() -> Pair:
    return pair

@metal
def own_table() -> Array[u16, 4]:
    return table

@metal
def nothing() -> None:
    pass

@metal
def never() -> NoReturn:
    trap()

@metal
def calls_never(a: u32) -> u32:
    if a == 0:
        never()
    return a
"""


def test_calls_from_python(workshop: Workshop) -> None:
    module = workshop.load(CALLED)
    jit = Jit(module)
    assert (
        jit[module.six](255, -32768, 2**32 - 1, -(2**63), True, 2**63)
        == (255 - 32768 + 2**32 - 1 + 1 - 2**63 - 2**63) + 2**64
    )
    pair = module.Pair(a=3, b=4)
    back = jit[module.swap](pair)
    assert (pair.a, pair.b) == (4, 3)
    assert back.host_address == pair.host_address
    memory = bytearray(8)
    end = jit[module.fill](memory, 5)
    assert memory == bytes([0, 1, 2, 3, 4, 0, 0, 0])
    assert isinstance(end, int)
    assert jit[module.own]().b == 2
    assert list(jit[module.own_table]()) == [1, 2, 3, 4]
    assert jit[module.nothing]() is None
    assert jit[module.calls_never](3) == 3
    with pytest.raises(MetalFault) as fault:
        isolated(jit[module.calls_never])(0)
    assert fault.value.kind is TrapKind.TRAP


def test_views_keep_what_they_show(workshop: Workshop) -> None:
    """The code, the variables and the arguments live as long as a view of them does."""
    module = workshop.load(CALLED)

    def use() -> list[int]:
        variable = Jit(module).variable(module.table)
        result = Jit(module)[module.own_table]()
        passed = Jit(module)[module.swap](module.Pair(a=5, b=6))
        gc.collect()
        for _ in range(50):
            bytearray(1 << 16)
        return [variable[0], result[3], passed.a, passed.b]

    assert isolated(use)() == [1, 4, 6, 5]


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("six", (256, 0, 0, 0, False, 0), OverflowError),
        ("six", (0, 0, 0, 0, False, -1), OverflowError),
        ("six", (1, 2), TypeError),
    ],
)
def test_calls_that_do_not_fit(
    workshop: Workshop, name: str, arguments: tuple[int, ...], error: type[Exception]
) -> None:
    module = workshop.load(CALLED)
    with pytest.raises(error):
        Jit(module)[getattr(module, name)](*arguments)


def test_a_metal_function_is_no_python_function(workshop: Workshop) -> None:
    module = workshop.load("@metal\ndef f() -> u32:\n    return 1\n")
    with pytest.raises(TypeError, match="compiled for the bare machine"):
        module.f()
