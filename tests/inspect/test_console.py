from __future__ import annotations

from collections.abc import Callable

import pytest

from questv.arch.x86.machine import MachineFacts
from questv.inspect.console import lines_since
from questv.inspect.guest import Guest
from questv.inspect.model import ConsoleReport
from questv.kernel.console import SLOTS, Console
from questv.metal.structs import sizeof
from questv.text import LINE

from .machines import HELLO, Sheet, plan_of


class Kernel:
    """A kernel that writes lines, and everybody's view of it."""

    def __init__(self) -> None:
        self.plan = plan_of(HELLO)
        self.sandbox = self.plan.sandbox("ping")
        self.address = self.sandbox.physical(self.sandbox.console)
        self.console = Console()
        self.sheet = Sheet()
        self.sheet.put(
            self.plan.boot_machine, MachineFacts(start_tsc=1000, tsc_frequency=2_000_000_000)
        )
        self.before_each_read: list[Callable[[], None]] = []

    def write(self, text: bytes, *, task: int = 0, length: int | None = None) -> None:
        number = self.console.written.load() + 1
        slot = self.console.slots[(number - 1) % SLOTS]
        slot.number.store(number)
        slot.time = 1000 + 2 * number
        slot.task = task
        slot.length = len(text) if length is None else length
        slot.text = text.ljust(LINE, b"\0")
        self.console.written.store(number)

    def read(self, address: int, length: int) -> bytes:
        if address == self.address and length == sizeof(Console) and self.before_each_read:
            self.before_each_read.pop(0)()
        self.sheet.put(self.address, self.console)
        return self.sheet.read(address, length)

    def since(self, number: int) -> ConsoleReport:
        return lines_since(Guest(self.plan, self), self.sandbox, number)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def texts(report: ConsoleReport) -> list[str]:
    return [line.text for line in report.lines]


def test_nothing_was_written(kernel: Kernel) -> None:
    assert kernel.since(0) == ConsoleReport(sandbox="ping", written=0, lost=0, lines=())


def test_lines_have_a_number_a_writer_and_a_time(kernel: Kernel) -> None:
    kernel.write(b"from the task")
    kernel.write(b"from the kernel", task=32)
    first, second = kernel.since(0).lines
    assert (first.number, first.sandbox, first.task, first.time) == (1, "ping", "ping", 1)
    assert (second.number, second.task, second.time) == (2, None, 2)
    assert texts(kernel.since(1)) == ["from the kernel"]
    assert texts(kernel.since(2)) == []


def test_what_was_overwritten_is_counted(kernel: Kernel) -> None:
    for number in range(1, 101):
        kernel.write(b"%d" % number)
    report = kernel.since(10)
    assert texts(report) == [str(number) for number in range(100 - SLOTS + 1, 101)]
    assert (report.written, report.lost) == (100, 90 - SLOTS)


def test_a_line_that_is_overwritten_while_it_is_read_is_lost_and_not_garbled(
    kernel: Kernel,
) -> None:
    for number in range(1, SLOTS + 1):
        kernel.write(b"old %d" % number)

    def overwrite_two() -> None:
        kernel.write(b"new 65")
        kernel.write(b"new 66")

    # Between the look at the number of lines and the first copy, then between the copies.
    for moment in ([overwrite_two], [lambda: None, overwrite_two]):
        kernel.before_each_read = list(moment)
        before = kernel.console.written.load()
        report = kernel.since(before - SLOTS)
        assert report.lost == 2
        assert report.written == before
        assert [line.number for line in report.lines] == list(range(before - SLOTS + 3, before + 1))


def test_a_line_in_the_making_is_not_there_yet(kernel: Kernel) -> None:
    kernel.write(b"whole")
    kernel.console.slots[1].number.store(0)
    kernel.console.slots[1].text = b"half"
    assert texts(kernel.since(0)) == ["whole"]


def test_a_kernel_that_starts_again_counts_anew(kernel: Kernel) -> None:
    kernel.write(b"after the restart")
    report = kernel.since(500)
    assert (texts(report), report.lost) == (["after the restart"], 0)


def test_a_hostile_kernel_can_say_anything_and_break_nothing(kernel: Kernel) -> None:
    kernel.write(b"\xff\xfe\x1b[2J", task=31)
    kernel.write(b"x" * LINE, task=0xFFFF_FFFF, length=0xFFFF_FFFF)
    first, second = kernel.since(0).lines
    assert first.text == "\ufffd\ufffd\x1b[2J"
    assert first.task is None and second.task is None
    assert second.text == "x" * LINE
    kernel.console.written.store((1 << 64) - 1)
    report = kernel.since(2)
    assert (report.lines, report.lost) == ((), (1 << 64) - 3)
