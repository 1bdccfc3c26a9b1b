"""Release builds give the defined result where C has none, even if the optimizer knows all."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.isolate import MetalFault, isolated
from questv.metal.jit import Jit
from questv.metal.tree import TrapKind

from . import gate
from .loading import Workshop
from .machine_code import accesses, functions
from .trapping import Runner

LEVELS = pytest.mark.parametrize("level", range(4))


@pytest.fixture
def built(workshop: Workshop) -> Callable[[str, int], tuple[ModuleType, Jit]]:
    def build(text: str, level: int) -> tuple[ModuleType, Jit]:
        module = workshop.load(text)
        return module, Jit(module, gate, checks=False, level=level)

    return build


Built = Callable[[str, int], tuple[ModuleType, Jit]]

# ---- shifts ----------------------------------------------------------------------------------

SHIFTS = """
@metal
def left(a: u32, n: u32) -> u32:
    return a << n

@metal
def right(a: i8, n: i8) -> i8:
    return a >> n

@metal
def known() -> u64:
    n: u32 = 40
    a: u32 = 1
    return u64(a << n) * 1000 + u64(u32(0x80000000) >> n)

@metal
def proves_nothing(n: u64) -> bool:
    x = u64(1) << n
    return n < 64 and x != 0
"""


@LEVELS
def test_shift_counts_are_masked(built: Built, level: int) -> None:
    m, jit = built(SHIFTS, level)
    for count in (0, 31, 32, 33, 63, 64, 2**32 - 1):
        assert jit[m.left](0x80000001, count) == (0x80000001 << count % 32) % 2**32
    for count in (-128, -1, 8, 9, 127):
        assert jit[m.right](-100, count) == -100 >> count % 8
    assert jit[m.known]() == (1 << 8) * 1000 + (0x80000000 >> 8)
    assert [jit[m.proves_nothing](n) for n in (1, 63, 64, 2**64 - 1)] == [True, True, False, False]


def test_a_constant_overshift_is_an_error(workshop: Workshop) -> None:
    module = workshop.load("@metal\ndef f(a: u32) -> u32:\n    return a << 32\n")
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module, checks=False)
    assert [found.rule for found in caught.value.diagnostics] == ["shift-range"]


# ---- division --------------------------------------------------------------------------------

DIVISION = """
done: u64 = static(0)

@metal
def unused(a: u32, b: u32) -> u32:
    c = a // b
    return 5

@metal
def unused_rest(a: i64, b: i64) -> i64:
    c = a % b
    return 5

@metal
def known_zero() -> u32:
    zero: u32 = 0
    return 7 // zero

@metal
def proves_nothing(a: u32, b: u32) -> u32:
    global done
    done = 1
    if b == 0:
        done = 2
    c = a // b
    return c

@metal
def replaced(a: u32, b: u32) -> u32:
    global done
    done = 3
    c = a // b
    done = 4
    return c

@metal
def smallest(a: i32, b: i32) -> i32:
    return a // b

@metal
def smallest_rest(a: i32, b: i32) -> i32:
    return a % b

@metal
def known_smallest() -> i8:
    a: i8 = -128
    b: i8 = -1
    return a // b
"""


@LEVELS
def test_division_traps(built: Built, level: int) -> None:
    m, jit = built(DIVISION, level)
    wrong: list[tuple[Any, tuple[int, ...]]] = [
        (m.unused, (1, 0)),
        (m.unused_rest, (1, 0)),
        (m.known_zero, ()),
        (m.proves_nothing, (1, 0)),
        (m.smallest, (-(2**31), -1)),
        (m.smallest, (-(2**31), 0)),
        (m.smallest_rest, (5, 0)),
        (m.known_smallest, ()),
    ]
    for function, arguments in wrong:
        with pytest.raises(MetalFault) as caught:
            isolated(jit[function])(*arguments)
        assert caught.value.kind is TrapKind.DIVISION, function.name
    assert jit[m.unused](1, 1) == 5
    assert jit[m.smallest](-(2**31), 1) == -(2**31)
    assert jit[m.smallest_rest](-(2**31), -1) == 0


@LEVELS
def test_what_was_stored_before_a_trap_is_there(built: Built, level: int) -> None:
    """Whoever looks at the memory of a program that stopped sees what it did until then."""
    m, jit = built(DIVISION, level)

    def watch(function: Any) -> int:
        runner = Runner(jit)
        assert runner.call(function, [1, 0]) == "DIVISION"
        return ctypes.c_uint64.from_address(jit.address(m.done)).value

    assert isolated(watch)(m.proves_nothing) == 2
    assert isolated(watch)(m.replaced) == 3


# ---- addresses -------------------------------------------------------------------------------

NULL = """
@metal
def read(p: Ptr[u64]) -> u64:
    return p[0]

@metal
def write(p: Ptr[u64], value: u64) -> None:
    p[0] = value

@metal
def known() -> u64:
    p = Ptr[u64](0)
    p[1] = 6
    return p[1]

@metal
def proves_nothing(p: Ptr[u64]) -> u64:
    value = p[0]
    if p.is_null():
        return value + 1
    return value + 2

@metal
def wipe(p: Ptr[Array[u8, 64]]) -> bool:
    clear(p[0])
    return p.is_null()
"""


def with_page_zero(function: Callable[[], Any]) -> Any:
    """Run ``function`` in a child that has memory at address zero, or skip the test."""

    def run() -> Any:
        library = ctypes.CDLL(None)
        library.mmap.restype = ctypes.c_void_p
        numbers = [ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        library.mmap.argtypes = [ctypes.c_void_p, *numbers]
        fixed = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10  # MAP_FIXED
        if library.mmap(None, 4096, 3, fixed, -1, 0) is not None:
            return pytest.skip.Exception
        return function()

    result = isolated(run)()
    if result is pytest.skip.Exception:
        pytest.skip("this system maps nothing at address zero")
    return result


@LEVELS
def test_the_null_page_is_an_address(built: Built, level: int) -> None:
    m, jit = built(NULL, level)

    def use() -> list[Any]:
        jit[m.write](0, 41)
        found = [jit[m.read](0), jit[m.proves_nothing](0), jit[m.known]()]
        return [*found, jit[m.wipe](0), jit[m.read](0), jit[m.read](8)]

    assert with_page_zero(use) == [41, 42, 6, True, 0, 0]


@LEVELS
def test_the_null_page_is_not_left_out(built: Built, level: int) -> None:
    """Where nothing is mapped at zero, each access to it faults."""
    m, jit = built(NULL, level)
    for function, arguments in ((m.read, (0,)), (m.write, (0, 1)), (m.known, ()), (m.wipe, (0,))):
        with pytest.raises(MetalFault) as caught:
            isolated(jit[function])(*arguments)
        assert caught.value.signal == "SIGSEGV"


WILD = """
class Pair(Struct):
    low: Array[u8, 8]
    high: u64

first: Array[u8, 8] = static()
second: Array[u8, 8] = static()
zeros: Array[u8, 8] = constant([])
other: Array[u8, 8] = constant([7])
word: u64 = static(0)

@metal
def distance(from_zeros: bool) -> u64:
    return addr(other) - addr(zeros) if from_zeros else addr(second) - addr(first)

@metal
def next_field(p: Pair, i: u64) -> u8:
    return p.low[i]

@metal
def next_field_of_a_local(i: u64) -> u8:
    p: Pair = local()
    p.high = 0x1122334455667788
    return p.low[i]

@metal
def known_index_of_a_local() -> u64:
    p: Pair = local()
    p.high = 0x1122334455667788
    i: u64 = 9
    if p.low[i] == 0x77:
        return 1
    return 2

@metal
def beyond_a_variable(i: u64) -> u8:
    second[0] = 1
    first[i] = 2
    return second[0]

@metal
def beyond_a_pointer(i: u64) -> u8:
    p = ptr(first[0])
    second[0] = 1
    p[i] = 2
    return second[0]

@metal
def beyond_an_address(i: u64) -> u8:
    second[0] = 1
    Ptr[u8](addr(first) + i)[0] = 2
    return second[0]

@metal
def beyond_a_constant(i: u64) -> u8:
    return zeros[i]

@metal
def beyond_a_local(value: u8) -> u64:
    room: Array[u8, 4] = local()
    i: u64 = 40
    if room[i] == value:
        return 1
    return 2

@metal
def lone(i: u64) -> u64:
    room: Array[u64, 1] = local()
    room[0] = 9
    return room[i]
"""


@LEVELS
def test_a_wild_index_is_an_address(built: Built, level: int) -> None:
    m, jit = built(WILD, level)
    pair = m.Pair(high=0x1122334455667788)
    assert [jit[m.next_field](pair, i) for i in (8, 9, 15)] == [0x88, 0x77, 0x11]
    assert [jit[m.next_field_of_a_local](i) for i in (0, 8, 9, 15)] == [0, 0x88, 0x77, 0x11]
    assert jit[m.known_index_of_a_local]() == 1
    distance = jit[m.distance](False)
    assert jit[m.beyond_a_variable](distance) == 2
    assert jit[m.beyond_a_pointer](distance) == 2
    assert jit[m.beyond_an_address](distance) == 2
    assert jit[m.beyond_a_constant](jit[m.distance](True)) == 7
    assert {jit[m.beyond_a_local](value) for value in range(256)} == {1, 2}, "it reads a byte"
    assert jit[m.lone](0) == 9
    assert jit[m.lone](1) != 9, "an array of one element has others beyond it"


UNALIGNED = """
class Page(Struct):
    bytes: Array[u8, 32]

@metal
def read(p: Ptr[u64]) -> u64:
    return p[0]

@metal
def add(p: Ptr[u32], value: u32) -> bool:
    p[0] += value
    p[1] = p[0]
    return u64(p) & 3 == 0

@metal
def within(page: Page, i: u64) -> u16:
    return Ptr[u16](addr(page.bytes[i]))[0]

@metal
def move(page: Page, i: u64) -> u64:
    Ptr[u64](addr(page.bytes) + i)[0] = Ptr[u64](addr(page.bytes) + i + 1)[0]
    return u64(Ptr[u64](addr(page.bytes) + i)) & 7
"""


@LEVELS
def test_unaligned_accesses(built: Built, level: int) -> None:
    m, jit = built(UNALIGNED, level)
    memory = bytearray(range(32))
    where = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for offset in range(9):
        assert jit[m.read](where + offset) == int.from_bytes(memory[offset : offset + 8], "little")
        assert jit[m.within](memory, offset) == offset + 256 * (offset + 1)
        value = int.from_bytes(memory[offset : offset + 4], "little")
        copy = bytearray(memory)
        start = ctypes.addressof(ctypes.c_char.from_buffer(copy))
        assert jit[m.add](start + offset, 7) is ((start + offset) % 4 == 0)
        assert copy[offset : offset + 8] == (value + 7).to_bytes(4, "little") * 2
        copy = bytearray(memory)
        start = ctypes.addressof(ctypes.c_char.from_buffer(copy))
        assert jit[m.move](copy, offset) == (start + offset) % 8
        assert copy[offset : offset + 8] == memory[offset + 1 : offset + 9]


ALIASES = """
@metal
def pun(p: Ptr[u32], q: Ptr[u16]) -> u32:
    p[0] = 1
    q[0] = 2
    return p[0]

@metal(floats=True)
def bits(a: f32) -> u32:
    x = a
    return Ptr[u32](ptr(x))[0]

@metal
def through_a_number(value: u64) -> u64:
    x: u64 = 1
    at = addr(x)
    Ptr[u64](at)[0] = value
    return x
"""


@LEVELS
def test_any_pointer_may_mean_any_memory(built: Built, level: int) -> None:
    m, jit = built(ALIASES, level)
    memory = bytearray(8)
    assert jit[m.pun](memory, memory) == 2
    assert jit[m.bits](1.0) == 0x3F800000
    assert jit[m.through_a_number](77) == 77


# ---- arithmetic ------------------------------------------------------------------------------

OVERFLOW = """
@metal
def grows(a: i32) -> bool:
    return a + 1 > a

@metal
def grows_unsigned(a: u32) -> bool:
    return a + 1 > a

@metal
def halves(a: i32) -> i32:
    return a * 2 // 2

@metal
def negates(a: i64) -> i64:
    return -a if a < 0 else a

@metal
def counts(start: i8) -> u64:
    turns: u64 = 0
    i = start
    while i >= start:
        i += 1
        turns += 1
        if turns > 1000:
            break
    return turns

@metal
def sums(a: i32, b: i32) -> bool:
    return a + b < a

@metal
def steps(a: i64, n: i64) -> i64:
    return a + n * 3 - n * 3

@metal
def narrow(a: u16, b: u16) -> u32:
    return u32(a * b)
"""


@LEVELS
def test_arithmetic_wraps(built: Built, level: int) -> None:
    m, jit = built(OVERFLOW, level)
    high = 2**31 - 1
    assert [jit[m.grows](a) for a in (high - 1, high, -1)] == [True, False, True]
    assert [jit[m.grows_unsigned](a) for a in (2**32 - 2, 2**32 - 1)] == [True, False]
    assert jit[m.halves](high) == -1
    assert jit[m.negates](-(2**63)) == -(2**63)
    assert [jit[m.counts](start) for start in (100, 0, 127)] == [28, 128, 1]
    assert jit[m.sums](high, 1) is True
    assert jit[m.sums](5, 1) is False
    assert jit[m.steps](2**63 - 1, 2**62) == 2**63 - 1
    assert jit[m.narrow](0xFFFF, 0xFFFF) == 1


FLOATS = """
@metal(floats=True)
def known() -> i64:
    big: f64 = 1e30
    return i64(big) // 4 + i64(u8(big)) + i64(i8(-big))

@metal(floats=True)
def byte(a: f64) -> u8:
    return u8(a)

@metal(floats=True)
def nothing(a: f64) -> i64:
    zero = a - a
    return i64(zero / zero) + i64(u32(zero / zero))
"""


@LEVELS
def test_conversions_saturate(built: Built, level: int) -> None:
    m, jit = built(FLOATS, level)
    assert jit[m.known]() == (2**63 - 1) // 4 + 255 - 128
    assert [jit[m.byte](a) for a in (-1.0, 255.9, 256.0, 1e300)] == [0, 255, 255, 255]
    assert jit[m.nothing](1.0) == 0


# ---- loops -----------------------------------------------------------------------------------

LOOPS = """
@metal
def for_ever() -> None:
    while True:
        pass

@metal
def spin(a: u64) -> u64:
    while a != 0:
        a = a | 1
    return 7

@metal
def unused(a: u64) -> u64:
    spin(a)
    return 5

@metal
def odd(a: u64) -> u64:
    x = a * 2
    while x != 1:
        x += 2
    return x

@metal
def after() -> u64:
    for_ever()
    return 3
"""


@LEVELS
def test_endless_loops_stay_endless(workshop: Workshop, level: int) -> None:
    m = workshop.load(LOOPS)
    jit = Jit(m, checks=False, level=level)
    assert jit[m.unused](0) == 5

    def runs(function: Any, *arguments: int) -> bool:
        """Whether a call is still running after a while."""
        try:
            isolated(jit[function], timeout=1)(*arguments)
        except MetalFault as fault:
            return fault.signal == "SIGALRM"
        return False

    assert runs(m.unused, 4)
    if level == 3:
        assert runs(m.for_ever)
        assert runs(m.spin, 4)
        assert runs(m.odd, 4)
        assert runs(m.after)


# ---- what is never undefined -----------------------------------------------------------------

FRESH = """
class Pair(Struct):
    a: u64
    b: Array[u8, 100]

@metal
def dirty(value: u8) -> u8:
    room: Array[u8, 4096] = local()
    for i in range(u64(4096)):
        room[i] = value
    return room[u64(value)]

@metal
def clean(i: u64) -> u64:
    pair: Pair = local()
    return pair.a + u64(pair.b[i])

@metal
def each_time() -> u64:
    total: u64 = 0
    for i in range(u64(3)):
        pair: Pair = local()
        total += pair.a
        pair.a = 5
    return total
"""


@LEVELS
def test_local_memory_is_zeroed(built: Built, level: int) -> None:
    m, jit = built(FRESH, level)
    jit[m.dirty](0xEE)
    assert [jit[m.clean](i) for i in (0, 50, 99)] == [0, 0, 0]
    assert jit[m.each_time]() == 0


def test_a_wild_pointer_is_one_access(workshop: Workshop) -> None:
    """No check remains in a release build, and nothing takes its place."""
    code = functions(workshop.load(NULL), checks=False, level=2)
    assert [part.name for part in accesses(code["read"])] == ["mov"]
    assert len(code["read"]) == 5
