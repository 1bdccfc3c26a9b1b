"""A child takes the harm: every way to end comes back to the parent as what it was."""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from questv.metal.isolate import ChildError, MetalFault, isolated
from questv.metal.jit import Jit
from questv.metal.tree import TrapKind

from .loading import HEADER, Workshop

TRAPS = """
@metal
def assertion(a: u64) -> u64:
    assert a != 0
    return a

@metal
def division(a: u64) -> u64:
    return 100 // a

@metal
def stop(a: u64) -> u64:
    if a == 0:
        trap()
    return a

table: Array[u64, 4] = static()

@metal
def bounds(a: u64) -> u64:
    return table[4 - a]

@metal
def null(a: u64) -> u64:
    return Ptr[u64](a)[0] if a < 2 else a

@metal
def shift(a: u64) -> u64:
    return a << (64 - a)

@metal
def cast(a: u64) -> u64:
    return u64(i8(a + 127)) if a == 0 else u64(u8(a + 255))

@metal
def alignment(a: u64) -> u64:
    return Ptr[Atomic[u64]](addr(table) + 4)[0].load(RELAXED) if a == 0 else a

@metal
def wild(a: u64) -> u64:
    return Ptr[u64](a)[0]

@metal
def illegal(a: u64) -> u64:
    asm("ud2", None, "")
    return a

@metal
def divide_by_machine(a: u64) -> u64:
    return asm("xor edx, edx\\ndiv $1", u64, "={rax},r,0,~{rdx}", a, u64(1))

@metal
def for_ever(a: u64) -> u64:
    while True:
        a += 1

@metal
def deeper(a: u64) -> u64:
    return deeper(a + 1) * 3 + 1

@metal(inline=True)
def innermost(a: u64) -> u64:
    return 100 // a

@metal(inline=True)
def middle(a: u64) -> u64:
    return innermost(a) + 1

@metal
def outer(a: u64) -> u64:
    b = a + 0
    return middle(b) + 2
"""
KINDS = {
    "assertion": TrapKind.ASSERTION,
    "division": TrapKind.DIVISION,
    "stop": TrapKind.TRAP,
    "bounds": TrapKind.BOUNDS,
    "null": TrapKind.NULL,
    "shift": TrapKind.SHIFT,
    "alignment": TrapKind.ALIGNMENT,
}


@pytest.fixture
def m(workshop: Workshop) -> ModuleType:
    return workshop.load(TRAPS, "traps")


def line_of(text: str) -> int:
    """The line of the generated module in which a text stands for the first time."""
    lines = (HEADER + TRAPS).splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_there_is_a_case_for_each_kind() -> None:
    assert {*KINDS.values(), TrapKind.CAST} == set(TrapKind)
    assert len({kind.words for kind in TrapKind}) == len(TrapKind)


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("name", KINDS)
def test_traps(m: ModuleType, name: str, level: int) -> None:
    function = Jit(m, level=level)[getattr(m, name)]
    with pytest.raises(MetalFault) as caught:
        isolated(function)(0)
    fault = caught.value
    assert fault.kind is KINDS[name]
    assert fault.signal == "SIGILL"
    frame = fault.frames[0]
    assert (frame.function, frame.file) == (name, "traps.py")
    start = line_of(f"def {name}(")
    assert start < frame.line <= start + 2
    assert KINDS[name].words in str(fault)
    assert f"{name} (traps.py:{frame.line})" in str(fault)
    assert isolated(function)(1 if name in ("assertion", "division", "stop") else 2) is not None


def test_a_lossy_cast(m: ModuleType) -> None:
    function = Jit(m)[m.cast]
    with pytest.raises(MetalFault) as caught:
        isolated(function)(300)
    assert caught.value.kind is TrapKind.CAST
    assert isolated(function)(0) == 127


@pytest.mark.parametrize("level", [0, 2])
def test_inlined_frames(m: ModuleType, level: int) -> None:
    with pytest.raises(MetalFault) as caught:
        isolated(Jit(m, level=level)[m.outer])(0)
    found = [(frame.function, frame.line) for frame in caught.value.frames]
    assert found == [
        ("innermost", line_of("def innermost") + 1),
        ("middle", line_of("def middle") + 1),
        ("outer", line_of("def outer") + 2),
    ]


def test_frames_among_many_programs(workshop: Workshop) -> None:
    """Other programs lie close by: the fault is told of the one that it happened in."""
    loaded = []
    for index in range(8):
        module = workshop.load(
            f"@metal\ndef f{index}(a: u64) -> u64:\n    b = a * 3 + 1\n    return b // a\n"
        )
        loaded.append((Jit(module), getattr(module, f"f{index}")))
    for jit, function in loaded:
        with pytest.raises(MetalFault) as caught:
            isolated(jit[function])(0)
        (frame,) = caught.value.frames
        assert frame.function == function.name


def test_signals(m: ModuleType) -> None:
    jit = Jit(m)
    for name, argument, expected in (
        ("wild", 0x1234, "SIGSEGV"),
        ("wild", 1 << 63, "SIGSEGV"),
        ("illegal", 0, "SIGILL"),
        ("divide_by_machine", 0, "SIGFPE"),
    ):
        with pytest.raises(MetalFault) as caught:
            isolated(jit[getattr(m, name)])(argument)
        assert (caught.value.signal, caught.value.kind) == (expected, None)
        assert caught.value.frames[0].function == name
        assert expected in str(caught.value)


def test_memory_that_is_not_there(m: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 4096)
        file.truncate(0)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        with pytest.raises(MetalFault) as caught:
            isolated(Jit(m)[m.wild])(address)
    assert caught.value.signal == "SIGBUS"


@pytest.mark.parametrize("level", [0, 2])
def test_time_runs_out(m: ModuleType, level: int) -> None:
    start = time.monotonic()
    with pytest.raises(MetalFault) as caught:
        isolated(Jit(m, level=level)[m.for_ever], timeout=1)(0)
    assert caught.value.signal == "SIGALRM"
    assert caught.value.frames[0].function == "for_ever"
    assert 0.9 < time.monotonic() - start < 20


def test_time_runs_out_in_python() -> None:
    with pytest.raises(MetalFault, match="SIGALRM"):
        isolated(time.sleep, timeout=1)(60)


def test_the_stack_runs_out(m: ModuleType) -> None:
    with pytest.raises(MetalFault, match="SIGSEGV"):
        isolated(Jit(m, level=0)[m.deeper])(0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_ends_by_other_hands(number: signal.Signals) -> None:
    def end() -> None:
        faulthandler.disable()  # pytest's, which would be noisy
        os.kill(os.getpid(), number)

    with pytest.raises(MetalFault) as caught:
        isolated(end)()
    assert (caught.value.signal, caught.value.frames) == (number.name, [])


def test_an_exit_without_a_word() -> None:
    with pytest.raises(MetalFault, match="exit"):
        isolated(lambda: os._exit(0))()


@pytest.mark.parametrize("value", [None, 0, "é", b"\0" * 300_000, {"a": [1, 2.5, (3,)]}])
def test_results(value: object) -> None:
    assert isolated(lambda: value)() == value


def test_arguments() -> None:
    def combine(a: int, *rest: int, b: int) -> list[int]:
        return [a, *rest, b]

    assert isolated(combine)(1, 2, 3, b=4) == [1, 2, 3, 4]


def test_the_parent_keeps_its_state(m: ModuleType) -> None:
    jit = Jit(m)
    seen: list[int] = []
    isolated(lambda: seen.append(1))()
    assert seen == []
    isolated(lambda: jit.variable(m.table).__setitem__(0, 5))()
    assert jit.variable(m.table)[0] == 0


class PickyError(Exception):
    """Can't be carried over: it takes two arguments and passes on one."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(first)
        self.second = second


def fail(error: type[BaseException], *arguments: object) -> None:
    raise error(*arguments)


def test_exceptions_come_back() -> None:
    with pytest.raises(ValueError, match=r"^wrong number$") as caught:
        isolated(fail)(ValueError, "wrong number")
    assert caught.value.args == ("wrong number",)
    with pytest.raises(AssertionError):
        isolated(fail)(AssertionError, "no")
    with pytest.raises(KeyboardInterrupt):
        isolated(fail)(KeyboardInterrupt)


def test_exceptions_that_can_not_be_carried() -> None:
    with pytest.raises(ChildError) as caught:
        isolated(fail)(PickyError, 1, 2)
    assert "in fail" in str(caught.value)
    assert "PickyError: 1" in str(caught.value)
    with pytest.raises((ChildError, AttributeError, TypeError)):
        isolated(lambda: sys._getframe())()


def test_faults_can_be_carried(m: ModuleType) -> None:
    """A child of a child: the fault passes through both."""
    with pytest.raises(MetalFault) as caught:
        isolated(isolated(Jit(m)[m.division]))(0)
    assert caught.value.kind is TrapKind.DIVISION
    assert caught.value.frames[0].function == "division"
