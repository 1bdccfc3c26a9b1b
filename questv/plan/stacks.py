"""How much stack each entry into a program needs, against what it is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from questv.kernel.context import FIRST_STACK
from questv.kernel.ring3 import CALL_STACK, STOP_STACK
from questv.kernel.stubs import INTERRUPT_STACK
from questv.metal.stack import StackDepths
from questv.process.start import ENTRY_STACK

KERNEL_STACK = 0x2000
"""Bytes of the stack that a kernel starts on."""
EXCEPTION_STACK = 0x2000
"""Bytes of the stack that a kernel's exceptions are reported on."""
MONITOR_STACK = 0x1000
"""Bytes of a monitor's stack."""

_EXCEPTION_FRAME = 22 * 8 + 8


class StackOverflowError(Exception):
    """A program that is the project's own needs more stack than it is given: a bug."""


@dataclass(frozen=True)
class KernelStacks:
    """What a kernel's parts need, in bytes."""

    task_base: int  # on every task's stack, besides the task's own functions
    interrupt: int  # on any stack, when an interrupt comes
    process: int  # on the stack of a task that is a process, besides what every task's needs
    mover: int  # likewise, if it moves

    def task(self, depth: int) -> int:
        """What the stack of a task needs whose function needs ``depth``."""
        return self.task_base + depth + self.interrupt

    @property
    def for_process(self) -> int:
        """What a kernel needs of its own stack on behalf of a process."""
        return self.task(self.process)

    @property
    def for_mover(self) -> int:
        """The same for one that moves."""
        return self.task(self.mover)


def kernel_stacks(depths: StackDepths) -> KernelStacks:
    """Measure a kernel; raises StackOverflowError if its own stacks are too small."""
    takers = ("take_interrupt", "take_timer", "preempt")
    handlers = (depths.depth(f"kernel_{name}") for name in takers)
    interrupt = INTERRUPT_STACK + max(handlers)
    _check("the kernel's first", depths.depth("kernel_main") + 16 + interrupt, KERNEL_STACK)
    exception = _EXCEPTION_FRAME + depths.depth("kernel_handle_exception")
    _check("the exception", exception, EXCEPTION_STACK)
    inside = max(
        CALL_STACK + depths.depth("kernel_system_call"),
        STOP_STACK + depths.depth("kernel_process_stopped"),
    )
    return KernelStacks(
        depths.depth("kernel_task_main") + FIRST_STACK,
        interrupt,
        depths.depth("kernel_run_process") + inside,
        depths.depth("kernel_live") + inside,
    )


def process_stack(depths: StackDepths, functions: Iterable[str]) -> int:
    """What a process needs of its own stack: interrupts and system calls use the kernel's."""
    return ENTRY_STACK + max(map(depths.depth, ["process_start", *functions]))


def check_monitor(depths: StackDepths) -> int:
    """The bytes that a monitor needs; raises StackOverflowError if that is more than it has."""
    exception = 7 * 8 + depths.depth("monitor_exception")
    needed = max(map(depths.depth, ("monitor_main", "monitor_run"))) + exception
    _check("the monitor's", needed, MONITOR_STACK)
    return needed


def _check(what: str, needed: int, given: int) -> None:
    if needed > given:
        raise StackOverflowError(f"{what} stack needs {needed} bytes and has {given}")
