"""Module-level variables: where they start, who shares them, and who does not."""

from __future__ import annotations

import ctypes
import io
from types import ModuleType

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from questv.diagnostics import DiagnosticsError
from questv.metal.isolate import MetalFault, isolated
from questv.metal.jit import Jit
from questv.metal.link import link
from questv.metal.structs import sizeof
from questv.metal.symbols import Symbols

from .loading import Workshop

VARIABLES = """
LIMIT = 4

@width(u16)
class Mode(enum.IntEnum):
    OFF = 0
    ON = 7

class Inner(Struct):
    a: u8
    b: Array[u16, 2]

class Outer(Struct, packed=True):
    flag: bool
    inner: Inner
    many: Array[Inner, 2]
    mode: Mode
    last: u32

ticks: u64 = static(5)
empty: u64 = static()
small: i8 = static(-3)
on: bool = static(True)
mode: Mode = static(Mode.ON)
bytes_of: Array[u8, 6] = static(b"abc")
list_of: Array[i32, LIMIT] = static([-1, 2])
table: Array[u32, LIMIT] = constant([value * value for value in range(LIMIT)])
deep: Outer = static({"flag": True, "inner": {"a": 9, "b": [1, 2]}, "many": [{"a": 1}], "mode": 7})
pointer: Ptr[u8] = static(bytes_of)
pointers: Array[Ptr[u32], 2] = constant([table, 0])
counter: Atomic[u32] = static(11)
big: Array[u64, 4096] = static()

@metal
def bump() -> u64:
    global ticks, empty, small, on
    ticks += 1
    empty += 2
    small -= 1
    on = not on
    list_of[3] = 77
    big[4095] += 1
    counter.add(1, SEQ_CST)
    return ticks + empty

@metal
def through_pointers() -> u32:
    return u32(pointer[1]) + pointers[0][3]

@metal
def mode_is_on() -> bool:
    return mode == Mode.ON and deep.mode == Mode.ON

@metal
def second_is_null() -> bool:
    return pointers[1].is_null()

@metal
def places() -> u64:
    return addr(table[1]) - addr(table)
"""


def test_where_variables_start(workshop: Workshop) -> None:
    module = workshop.load(VARIABLES)
    jit = Jit(module)
    read = jit.variable
    assert (read(module.ticks), read(module.empty), read(module.small)) == (5, 0, -3)
    assert read(module.on) is True
    assert read(module.mode) is module.Mode.ON
    assert bytes(read(module.bytes_of)) == b"abc\0\0\0"
    assert list(read(module.list_of)) == [-1, 2, 0, 0]
    assert list(read(module.table)) == [0, 1, 4, 9]
    deep = read(module.deep)
    assert sizeof(module.Outer) == 1 + 6 + 12 + 2 + 4
    assert (deep.flag, deep.inner.a, list(deep.inner.b), deep.many[0].a) == (True, 9, [1, 2], 1)
    assert deep.many[1].a == 0
    assert read(module.pointer) == jit.address(module.bytes_of)
    assert list(read(module.pointers)) == [jit.address(module.table), 0]
    assert read(module.counter).load() == 11
    assert jit[module.through_pointers]() == ord("b") + 9
    assert jit[module.mode_is_on]() is True
    assert jit[module.second_is_null]() is True
    assert jit[module.places]() == 4


def test_each_jit_has_its_own(workshop: Workshop) -> None:
    module = workshop.load(VARIABLES)
    first, second = Jit(module), Jit(module, checks=False)
    assert [first[module.bump]() for _ in range(3)] == [8, 11, 14]
    assert second[module.bump]() == 8
    assert (first.variable(module.ticks), second.variable(module.ticks)) == (8, 6)
    assert (first.variable(module.list_of)[3], first.variable(module.big)[4095]) == (77, 3)
    third = Jit(module)
    assert third.variable(module.ticks) == 5
    assert third.variable(module.list_of)[3] == 0
    assert third.variable(module.counter).load() == 11
    addresses = {jit.address(module.ticks) for jit in (first, second, third)}
    assert len(addresses) == 3


def test_views_are_the_memory_itself(workshop: Workshop) -> None:
    module = workshop.load(VARIABLES)
    jit = Jit(module)
    view = jit.variable(module.list_of)
    view[0] = 123
    jit[module.bump]()
    assert list(view) == [123, 2, 0, 77]
    assert view.host_address == jit.address(module.list_of)


SHARED = """
from owner import count, table
import owner

@metal
def add(n: u64) -> u64:
    global count
    count += n
    return owner.get() + owner.count + u64(table[1])
"""


def test_modules_share_a_variable(workshop: Workshop) -> None:
    owner = workshop.load(
        "count: u64 = static(1)\ntable: Array[u8, 2] = constant([0, 50])\n"
        "@metal\ndef get() -> u64:\n    return count\n",
        "owner",
    )
    user = workshop.load(SHARED)
    jit = Jit(user)
    assert jit[user.add](4) == 5 + 5 + 50
    assert jit.variable(owner.count) == 5


def test_constants_can_not_be_written(workshop: Workshop) -> None:
    module = workshop.load(
        "table: Array[u32, 2] = constant([1, 2])\n"
        "@metal\ndef bad() -> None:\n    table[0] = 3\n"
        "@metal\ndef worse() -> None:\n    clear(table)\n"
    )
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    assert [found.rule for found in caught.value.diagnostics] == ["constant-write"] * 2


@pytest.mark.parametrize("index", ["8", "u8(8)", "u64(8)", "LAST + 1"])
def test_a_constant_index_is_checked_at_once(workshop: Workshop, index: str) -> None:
    module = workshop.load(
        f"LAST = 7\na: Array[u8, 8] = static()\n@metal\ndef f() -> u8:\n    return a[{index}]\n"
    )
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module, checks=False)
    assert [found.rule for found in caught.value.diagnostics] == ["index-range"]


ORDERED = [
    "T",
    "tuple(T)",
    "range(T[0], T[0] + 3)",
    "bytes(T)",
    "bytearray(T)",
    "memoryview(bytes(T))",
    "array.array('H', T)",
    "collections.deque(T)",
    "S(a=T).a",
]
UNORDERED = [
    "(part for part in T)",
    "map(int, T)",
    "iter(T)",
    "set(T)",
    "dict.fromkeys(T)",
    "dict.fromkeys(T).keys()",
    "len(T)",
]


def table(workshop: Workshop, numbers: list[int], initial: str) -> ModuleType:
    workshop.load(f"T = {numbers}\n", "numbers_given")
    return workshop.load(
        "import array, collections\nfrom numbers_given import T\n"
        "class S(Struct):\n    a: Array[u8, 4]\n"
        f"x: Array[u8, 4] = static({initial})\n"
        "@metal\ndef f(i: u64) -> u8:\n    return x[i]\n",
        "starts",
    )


@pytest.mark.parametrize("initial", ORDERED)
def test_what_an_array_starts_with(workshop: Workshop, initial: str) -> None:
    for start in (1, 4):
        module = table(workshop, [start, start + 1, start + 2], initial)
        jit = Jit(module)
        assert [jit[module.f](i) for i in range(4)] == [start, start + 1, start + 2, 0]


@pytest.mark.parametrize("initial", UNORDERED)
def test_what_has_no_order_or_is_used_up(workshop: Workshop, initial: str) -> None:
    module = table(workshop, [1, 2, 3], initial)
    with pytest.raises(DiagnosticsError, match="starts as a list of its elements") as caught:
        Jit(module)
    assert [found.rule for found in caught.value.diagnostics] == ["initial-value"]


def test_constants_lie_in_read_only_memory(workshop: Workshop) -> None:
    module = workshop.load(
        "table: Array[u32, 2] = constant([1, 2])\n"
        "@metal\ndef sneaky() -> None:\n    p = ptr(table[0])\n    p[0] = 9\n"
    )
    with pytest.raises(MetalFault, match="SIGSEGV"):
        isolated(Jit(module, level=0)[module.sneaky])()


def test_sections(workshop: Workshop) -> None:
    """Linker scripts place variables by these names."""
    module = workshop.load(
        "table: Array[u32, 2] = constant([1, 2])\n"
        "zeros: Array[u32, 2] = constant([])\n"
        "count: u64 = static(1)\n"
        "room: Array[u8, 64] = static()\n"
        "@metal\ndef f() -> None:\n    pass\n",
        "placed",
    )
    elf = ELFFile(io.BytesIO(Jit(module).units["placed"].object))
    sections = list(elf.iter_sections())
    symbols = next(part for part in sections if isinstance(part, SymbolTableSection))
    found = {
        entry.name: sections[entry["st_shndx"]].name
        for entry in symbols.iter_symbols()
        if entry["st_info"]["bind"] == "STB_GLOBAL"
    }
    assert found == {
        "placed.table": ".rodata.placed.table",
        "placed.zeros": ".rodata.placed.zeros",
        "placed.count": ".data.placed.count",
        "placed.room": ".bss.placed.room",
        "placed.f": ".text.placed.f",
    }


EXTERNAL = """
class Header(Struct):
    magic: u32
    count: u32

header: Header = external("__header")
words: Array[u64, 4] = external("__words")
word: u64 = external("__word")
pages: Array[u8, 8192] = external("__pages")

@metal
def fill() -> u64:
    global word
    header.magic = 0xABCD
    words[3] = 5
    word = 6
    return addr(pages)

@metal
def sum() -> u64:
    return u64(header.magic) + words[3] + word
"""
SCRIPT = """
SECTIONS {
    . = 0x400000;
    .text : { *(.text*) }
    .rodata : { *(.rodata*) }
    .data : { *(.data*) }
    .bss : { *(.bss*) __header = .; . += 8; __words = .; . += 32; __word = .; . += 8; }
    __pages = 0x7000000;
    /DISCARD/ : { *(.eh_frame*) }
}
"""


def test_external_variables(workshop: Workshop) -> None:
    module = workshop.load(EXTERNAL)
    jit = Jit(module)
    assert jit.variable(module.word) == 0
    assert jit[module.fill]() % 4096 == 0
    assert jit[module.sum]() == 0xABCD + 11
    assert jit.variable(module.header).magic == 0xABCD
    assert jit.variable(module.words)[3] == 5
    assert Jit(module)[module.sum]() == 0
    name = module.__name__
    linked = Symbols(link(jit.units.values(), SCRIPT, [f"{name}.fill", f"{name}.sum"]))
    assert linked.address("__words") == linked.address("__header") + 8
    assert linked.address("__pages") == 0x7000000


def test_two_modules_may_name_one_external(workshop: Workshop) -> None:
    workshop.load(
        'shared: u64 = external("__shared")\n@metal\ndef one() -> u64:\n    return addr(shared)\n',
        "names_it",
    )
    other = workshop.load(
        "import names_it\n"
        'mine: u64 = external("__shared")\n'
        "@metal\ndef two() -> u64:\n    return addr(mine) - names_it.one()\n"
    )
    assert Jit(other)[other.two]() == 0


def test_references_alias(workshop: Workshop) -> None:
    module = workshop.load(
        "class P(Struct):\n    x: u32\n    y: u32\n"
        "class Q(Struct):\n    first: P\n    rest: Array[P, 3]\n"
        "q: Q = static()\n"
        "@metal\ndef play(p: P, i: u64) -> u32:\n"
        "    inner = q.rest[i]\n    inner.x = 5\n    q.rest[i].x += p.x\n"
        "    again = inner if i > 0 else q.first\n    again.y = inner.x\n"
        "    copy(q.first, again)\n    mine: P = local()\n    copy(mine, inner)\n"
        "    inner.x = 0\n    copy(inner, inner)\n    p = mine\n    p.x += 1\n    return mine.x\n"
    )
    jit = Jit(module)
    given = module.P(x=7)
    assert jit[module.play](given, 2) == 13
    q = jit.variable(module.q)
    assert [(p.x, p.y) for p in (q.first, *q.rest)] == [(12, 12), (0, 0), (0, 0), (0, 12)]
    assert given == module.P(x=7)
    assert ctypes.c_uint32.from_address(given.host_address).value == 7


@pytest.mark.parametrize("level", [0, 2])
def test_overlapping_copies(workshop: Workshop, level: int) -> None:
    module = workshop.load(
        "class Run(Struct):\n    bytes: Array[u8, 101]\n"
        "@metal\ndef shift(base: Ptr[u8], to: u64, source: u64) -> None:\n"
        "    copy(Ptr[Run](u64(base) + to)[0], Ptr[Run](u64(base) + source)[0])\n"
    )
    jit = Jit(module, level=level)
    for to, source in ((0, 7), (7, 0), (3, 3), (0, 99), (99, 0)):
        memory = bytearray(range(200))
        expected = bytearray(memory)
        expected[to : to + 101] = memory[source : source + 101]
        jit[module.shift](memory, to, source)
        assert memory == expected, (to, source)


def test_an_external_that_another_module_defines(workshop: Workshop) -> None:
    owner = workshop.load('owned: u64 = static(9, export="__owned")\n', "owns_it")
    user = workshop.load(
        "import owns_it\n"
        'there: u64 = external("__owned")\n'
        "@metal\ndef get() -> u64:\n    return there + owns_it.owned\n"
    )
    jit = Jit(user)
    assert jit[user.get]() == 18
    assert jit.address(user.there) == jit.address(owner.owned)
