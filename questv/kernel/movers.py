"""What wakes the task that moves others, from within its kernel."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.channel.sleep import Area
from questv.kernel import tasks
from questv.kernel.doorbells import Wait, WaitState
from questv.kernel.processes import Process
from questv.metal.lang import RELAXED, metal, ptr, static, u64

bell: Wait = static()  # for which the task that moves others sleeps
_nowhere: Area = static()  # where it announces that to nobody


@metal
def start() -> None:
    """Before anybody sleeps for it."""
    bell.own = ptr(_nowhere)


@metal
def notify() -> None:
    """There is something to do for the task that moves others. Interrupts are off."""
    if bell.state == WaitState.ASLEEP:
        bell.state = WaitState.AWAKE
        tasks.wake_member(bell.task[0], read_tsc())


@metal
def request(process: Process, place: u64) -> bool:
    """Ask for a process to be moved to one of its places; false if that is none.

    That is seen at the next look that is due, and it goes when its deadline allows it. If it is
    there, nothing happens. Nobody is woken: to ask costs nobody else anything.
    """
    mover = process.mover
    if mover.move.is_null() or place >= mover.count:
        return False
    mover.request.store(1 + place, RELAXED)
    return True
