"""What the kernel does when it is interrupted."""

from __future__ import annotations

from typing import NoReturn

from questv.kernel import doorbells, lapic, panic, tasks, timers
from questv.kernel.status import status
from questv.kernel.stubs import ExceptionFrame
from questv.kernel.timers import TIMER_VECTOR
from questv.metal.lang import metal, u32, u64


@metal(export="kernel_handle_interrupt")
def handle_interrupt(vector: u64) -> None:
    """Take one interrupt; afterwards the most urgent task that is ready has the core."""
    if vector == lapic.SPURIOUS_VECTOR:
        status.spurious += 1  # a spurious interrupt is not acknowledged (APM vol. 2, 16.4.7)
        return
    lapic.end_of_interrupt()
    if vector == TIMER_VECTOR:
        timers.expire()
    elif not doorbells.take(u32(vector)):
        status.spurious += 1
    tasks.preempt()


@metal(export="kernel_handle_exception")
def handle_exception(frame: ExceptionFrame) -> NoReturn:
    """No exception is expected in a kernel: report it and give up."""
    panic.for_exception(frame)
