"""Atomic, shared, volatile and register cells: each access in machine code, and its effect."""

from __future__ import annotations

import re
import threading
from types import ModuleType

import pytest

from questv.diagnostics import DiagnosticsError
from questv.metal.emit.module import ModuleEmitter
from questv.metal.frontend import FrontEnd
from questv.metal.jit import Jit

from .loading import Workshop
from .machine_code import Instruction, accesses, functions

INTEGERS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64")
SIZES = {name: int(name[1:]) // 8 for name in INTEGERS} | {"bool": 1, "Ptr[u8]": 8, "Mode": 4}
KINDS = {"Atomic": "a", "Shared": "s", "Volatile": "v", "Register": "r"}
MODE = """
@width(u32)
class Mode(enum.IntEnum):
    OFF = 0
    ON = 1
"""


def accessors() -> str:
    """Loads and stores of every kind of cell of every type, each in a function of its own."""
    text = MODE
    for index, type_ in enumerate(SIZES):
        fields = "".join(f"    {letter}: {kind}[{type_}]\n" for kind, letter in KINDS.items())
        text += f"class S{index}(Struct):\n    pad: u64\n{fields}"
        for kind, letter in KINDS.items():
            load, store = ("read()", "write(x)")
            if kind in ("Atomic", "Shared"):
                load, store = ("load(ACQUIRE)", "store(x, RELEASE)")
            text += (
                f"@metal\ndef load_{kind}_{index}(s: S{index}) -> {type_}:\n"
                f"    x = s.{letter}.{load}\n    return x\n"
                f"@metal\ndef store_{kind}_{index}(s: S{index}, x: {type_}) -> None:\n"
                f"    s.{letter}.{store}\n"
            )
    return text


@pytest.mark.parametrize("checks", [True, False], ids=["debug", "release"])
@pytest.mark.parametrize("level", range(4))
def test_loads_and_stores_are_one_access(workshop: Workshop, level: int, checks: bool) -> None:
    module = workshop.load(accessors())
    code = functions(module, checks=checks, level=level)
    for index, size in enumerate(SIZES.values()):
        for kind in KINDS:
            for verb in ("load", "store"):
                found = accesses(code[f"{verb}_{kind}_{index}"])
                assert [part.width for part in found] == [size], (verb, kind, index, found)
                assert found[0].name in ("mov", "movzx", "movsx", "movabs", "cmp", "setne"), found
                if kind == "Register":
                    assert found[0].name == "mov"


UPDATES = {
    "swap": "xchg",
    "add": "lock xadd",
    "subtract": "lock xadd",
    "compare_swap": "lock cmpxchg",
}
ORDERS = ("RELAXED", "ACQUIRE", "RELEASE", "ACQ_REL", "SEQ_CST")


@pytest.mark.parametrize("level", range(4))
def test_updates_are_one_instruction(workshop: Workshop, level: int) -> None:
    text = ""
    for type_ in INTEGERS:
        for name in UPDATES:
            given = "x, x + 1" if name == "compare_swap" else "x"
            for order in ORDERS:
                text += (
                    f"@metal\ndef {name}_{type_}_{order}"
                    f"(c: Ptr[Atomic[{type_}]], x: {type_}) -> {type_}:\n"
                    f"    return c[0].{name}({given}, {order})\n"
                )
    code = functions(workshop.load(text), checks=False, level=level)
    for type_ in INTEGERS:
        for name, instruction in UPDATES.items():
            for order in ORDERS:
                found = accesses(code[f"{name}_{type_}_{order}"])
                assert [(part.name, part.width) for part in found] == [
                    (instruction, SIZES[type_])
                ], (name, type_, order)


def test_updates_without_a_use_are_one_instruction(workshop: Workshop) -> None:
    text = ""
    for name in ("and_", "or_", "xor", "add", "subtract"):
        text += (
            f"@metal\ndef {name}_x(c: Ptr[Atomic[u32]], x: u32) -> None:\n"
            f"    c[0].{name}(x, SEQ_CST)\n"
        )
    code = functions(workshop.load(text), checks=False, level=2)
    for name in ("and", "or", "xor", "add", "sub"):
        key = {"and": "and_", "or": "or_", "sub": "subtract"}.get(name, name)
        assert [part.name for part in accesses(code[f"{key}_x"])] == [f"lock {name}"]


ORDERED = """
@metal
def plain(c: Ptr[Atomic[u64]], x: u64) -> None:
    c[0].store(x, RELEASE)

@metal
def strong(c: Ptr[Atomic[u64]], x: u64) -> None:
    c[0].store(x, SEQ_CST)

@metal
def full() -> None:
    fence(SEQ_CST)

@metal
def light() -> None:
    fence(ACQUIRE)
    fence(RELEASE)
    fence(ACQ_REL)
"""


def bodies(code: list[Instruction]) -> list[str]:
    frame = {"push rbp", "mov rbp,rsp", "pop rbp", "ret"}
    return [str(part) for part in code if str(part) not in frame and "nop" not in part.name]


def test_orders(workshop: Workshop) -> None:
    code = functions(workshop.load(ORDERED), checks=False, level=2)
    assert bodies(code["plain"]) == ["mov QWORD PTR [rdi],rsi"]
    assert bodies(code["strong"]) == ["xchg QWORD PTR [rdi],rsi"]
    assert len(bodies(code["full"])) == 1
    assert re.match(r"mfence|lock or DWORD PTR \[rsp", bodies(code["full"])[0])
    assert bodies(code["light"]) == []


# ---- what the optimizer must leave alone -----------------------------------------------------

KEPT = """
class Page(Struct):
    pad: u64
    length: Shared[u32]
    data: Array[u8, 64]
    status: Volatile[u32]
    control: Register[u32]
    ready: Atomic[u32]
    payload: u64

@metal
def checked(page: Page) -> u8:
    length = page.length.load(RELAXED)
    if length >= 64 or length == 0:
        return 0
    return page.data[length - 1] + u8(length)

@metal
def twice(page: Page) -> u32:
    first = page.length.load(RELAXED)
    second = page.length.load(RELAXED)
    return first - second

@metal
def poll(page: Page) -> u32:
    turns: u32 = 0
    while page.status.read() == 0:
        turns += 1
    return turns

@metal
def settle(page: Page) -> None:
    page.status.write(1)
    page.status.write(1)
    page.status.write(2)

@metal
def ignored(page: Page) -> None:
    page.status.read()
    page.control.read()
    page.control.read()
    page.control.write(7)
    page.control.write(7)

@metal
def dance(page: Page) -> None:
    page.control.write(page.control.read() | 1)

@metal
def publish(page: Page, value: u64) -> None:
    page.payload = value
    page.ready.store(1, RELEASE)
    page.payload = 0

@metal
def command(page: Page, value: u64) -> None:
    page.payload = value
    page.control.write(1)
    page.payload = 0

@metal
def answer(page: Page) -> u64:
    before = page.payload
    page.control.read()
    return page.payload - before

@metal
def take(page: Page) -> u64:
    seen = page.ready.load(ACQUIRE)
    return u64(seen) + page.payload

@metal
def compare(page: Page) -> u64:
    before = page.payload
    page.ready.load(ACQUIRE)
    return page.payload - before
"""


@pytest.mark.parametrize("level", range(4))
def test_no_access_is_added_dropped_or_moved(workshop: Workshop, level: int) -> None:
    module = workshop.load(KEPT)
    code = functions(module, checks=False, level=level)
    at = {name: field.offset for name, field in module.Page.__metal_type__.fields.items()}

    def touched(function: str, *fields: str) -> list[str]:
        """The fields that a function touches, in the order of its code."""
        found = []
        for part in accesses(code[function]):
            # At level 0 an address is worked out in a register of its own: the width tells.
            offset = re.search(r"\+0x([0-9a-f]+)\]", part.operands)
            where = int(offset[1], 16) if offset else 0
            for name in fields:
                if where == at[name]:
                    found.append(name)
        return found

    if level > 0:
        assert touched("checked", "length") == ["length"]
        assert touched("twice", "length") == ["length"] * 2
        assert touched("settle", "status") == ["status"] * 3
        assert touched("ignored", "status") == ["status"]
        assert touched("publish", "payload", "ready") == ["payload", "ready", "payload"]
        assert touched("take", "payload", "ready") == ["ready", "payload"]
    counts = {"twice": 2, "settle": 3, "ignored": 5, "publish": 3, "take": 2, "checked": 2}
    counts |= {"compare": 3, "command": 3, "answer": 3}
    for function, count in counts.items():
        assert len(accesses(code[function])) == count, function
    assert len(accesses(code["poll"])) >= 1
    names = [part.name for part in accesses(code["dance"])]
    assert names == ["mov", "mov"], "a device sees one plain read and one plain write"


def test_shared_accesses_are_volatile_too(workshop: Workshop) -> None:
    """LLVM leaves relaxed atomics alone today, but promises it of volatile ones only."""
    module = workshop.load(
        "@metal\ndef f(c: Ptr[Shared[u32]]) -> u32:\n"
        "    x = c[0].load(RELAXED)\n    c[0].store(x, RELAXED)\n    return x\n"
    )
    ir = ModuleEmitter(FrontEnd(module.__name__).check(), checks=False).emit()
    assert len(re.findall("(?:load|store) atomic volatile i32", ir)) == 2


def test_shared_must_land_in_a_local(workshop: Workshop) -> None:
    module = workshop.load(
        "class Page(Struct):\n    length: Shared[u32]\n"
        "@metal\ndef bad(page: Page) -> bool:\n    return page.length.load(RELAXED) < 4\n"
    )
    with pytest.raises(DiagnosticsError) as caught:
        Jit(module)
    assert [found.rule for found in caught.value.diagnostics] == ["shared-landing"]


def test_no_plain_access(workshop: Workshop) -> None:
    for kind in KINDS:
        module = workshop.load(
            f"class Page(Struct):\n    x: {kind}[u32]\n"
            "@metal\ndef read(page: Page) -> u32:\n    return page.x\n"
            "@metal\ndef write(page: Page) -> None:\n    page.x = 1\n"
            "@metal\ndef wipe(page: Page) -> None:\n    clear(page)\n"
        )
        with pytest.raises(DiagnosticsError) as caught:
            Jit(module)
        rules = [found.rule for found in caught.value.diagnostics]
        assert rules == ["cell-plain", "cell-plain", "cell-bulk"]


# ---- two threads -----------------------------------------------------------------------------

COUNTERS = """
count: Atomic[u64] = static(0)
bits: Atomic[u64] = static(0)
lock: Atomic[u32] = static(0)
guarded: u64 = static(0)
turn: Atomic[u32] = static(0)
box: u64 = static(0)

@metal
def hammer(times: u64) -> None:
    for i in range(times):
        count.add(1, RELAXED)
        bits.xor(u64(1) << (i & 63), RELAXED)

@metal
def climb(times: u64) -> None:
    for i in range(times):
        seen = count.load(RELAXED)
        while True:
            found = count.compare_swap(seen, seen + 1, ACQ_REL)
            if found == seen:
                break
            seen = found

@metal
def behind_a_lock(times: u64) -> None:
    global guarded
    for i in range(times):
        while lock.compare_swap(0, 1, ACQUIRE) != 0:
            asm("pause", None, "")
        guarded += 1
        lock.store(0, RELEASE)

@metal
def send(times: u64) -> None:
    global box
    for i in range(times):
        while turn.load(ACQUIRE) != 0:
            asm("pause", None, "")
        box = i * i
        turn.store(1, RELEASE)

@metal
def receive(times: u64) -> u64:
    wrong: u64 = 0
    for i in range(times):
        while turn.load(ACQUIRE) != 1:
            asm("pause", None, "")
        if box != i * i:
            wrong += 1
        turn.store(0, RELEASE)
    return wrong
"""
TIMES = 300_000


def together(*calls: tuple[object, int]) -> list[object]:
    """Make calls at once, each in a thread; ctypes lets go of Python's lock meanwhile."""
    results: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(index: int, function: object, argument: int) -> None:
        start.wait()
        results[index] = function(argument)  # type: ignore[operator]

    threads = [
        threading.Thread(target=run, args=(index, *call)) for index, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def counters(workshop: Workshop) -> ModuleType:
    return workshop.load(COUNTERS)


@pytest.mark.parametrize("level", [0, 2])
def test_two_threads_lose_nothing(counters: ModuleType, level: int) -> None:
    jit = Jit(counters, level=level, checks=False)
    together((jit[counters.hammer], TIMES), (jit[counters.hammer], TIMES))
    assert jit.variable(counters.count).load() == 2 * TIMES
    assert jit.variable(counters.bits).load() == 0
    together((jit[counters.climb], TIMES), (jit[counters.climb], TIMES))
    assert jit.variable(counters.count).load() == 4 * TIMES
    together((jit[counters.behind_a_lock], TIMES // 10), (jit[counters.behind_a_lock], TIMES // 10))
    assert jit.variable(counters.guarded) == 2 * (TIMES // 10)


@pytest.mark.parametrize("level", [0, 2])
def test_what_is_published_is_seen(counters: ModuleType, level: int) -> None:
    jit = Jit(counters, level=level, checks=False)
    results = together((jit[counters.send], 3000), (jit[counters.receive], 3000))
    assert results[1] == 0
