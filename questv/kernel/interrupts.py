"""What the kernel does when it is interrupted."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.descriptors import RING
from questv.kernel import doorbells, lapic, panic, processes, streams, tasks, timers
from questv.kernel.status import status
from questv.kernel.stubs import ExceptionFrame
from questv.metal.lang import metal, u64


@metal(export="kernel_take_interrupt")
def take_interrupt(vector: u64) -> None:
    """Take one interrupt, but for the timer's.

    What it makes ready runs when the core is given away next.
    """
    # A call comes last: were the vector needed after it, every interrupt would pay for that.
    if not (doorbells.take(vector) or doorbells.take_late(vector) or streams.take(vector)):
        status.spurious += 1  # nobody asked for it
    # Of a spurious one, which needs none (APM vol. 2, 16.4.7), this is void: nothing is in service.
    lapic.end_of_interrupt()


@metal(export="kernel_take_timer")
def take_timer() -> None:
    """Take the timer's interrupt, likewise."""
    timers.expire()
    lapic.end_of_interrupt()


@metal(export="kernel_preempt")
def preempt() -> None:
    """Let a more urgent task that has become ready run now."""
    tasks.preempt()


@metal(export="kernel_handle_exception")
def handle_exception(frame: ExceptionFrame) -> NoReturn:
    """End the process that has caused it; in the kernel none is expected: report it and give up."""
    if frame.cs & RING != 0 and processes.has_core():
        processes.end_for_exception(frame)
    panic.for_exception(frame)
