"""Tasks that stand in for tasks of another kernel, once that has failed.

A stand-in has its budget and its stack from the beginning, and sleeps. What it will need is in the
kernel's page tables, and not in the sandbox's view: to touch it too early is a fault. The monitor
interrupts the kernel when the other one is no more. The most urgent stand-in then has the view
changed, and wakes the others. All of that, and what follows, is done by the stand-ins themselves,
in their own budgets: it costs nobody else any time.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.channel.sleep import Area
from questv.kernel import channels, doorbells, states, tasks
from questv.kernel.doorbells import FOREVER, Wait, WaitState
from questv.kernel.hypercall import hypercall
from questv.kernel.info import info
from questv.kernel.status import status
from questv.metal.lang import RELAXED, Ptr, metal, static, u64
from questv.monitor.interface import Hypercall

_bell: Wait = static()  # for which the most urgent stand-in sleeps
_is_due: bool = static()  # the others are to wake up
_first: u64 = static()  # the index of the most urgent one


@metal
def start() -> None:
    """Let the monitor's interrupt, which may have come already, wake the most urgent stand-in."""
    global _first
    if info.takeover_bell == 0:
        return
    while info.tasks[_first].stands_in == 0:
        _first += 1
    doorbells.listen(_bell, info.takeover_bell, _first)
    _bell.state = WaitState.ASLEEP


@metal
def await_turn() -> None:
    """Sleep until the current task, a stand-in, is needed; then be all that it stands in for."""
    own = tasks.current()
    if own == _first:
        while _bell.state == WaitState.ASLEEP:
            doorbells.sleep(_bell, FOREVER)
        hypercall(Hypercall.TAKE_OVER, 0, 0)
        status.took_over = read_tsc()
        _wake_others()
    else:
        disable_interrupts()
        while not _is_due:
            tasks.block()
        enable_interrupts()
    # No life of whom it stands in for can have had this session, nor can an earlier one's of this
    # kernel: it is the time.
    _connect(own, read_tsc() & ~u64(1))
    states.take_over(own)


@metal
def _connect(task: u64, session: u64) -> None:
    """Connect the ends of a stand-in, as those of a later incarnation of whom it stands in for.

    The other sides see where they are from now on as soon as they see the session.
    """
    for i in range(info.end_count):
        end = info.ends[i]
        if u64(end.task) == task:
            Ptr[Area](end.own)[0].place.store(u64(end.place), RELAXED)
            channels.start_end(end, session)


@metal
def _wake_others() -> None:
    """Let the other stand-ins go on, none of which is as urgent as the current task."""
    global _is_due
    disable_interrupts()
    _is_due = True
    for i in range(u64(info.task_count)):
        if info.tasks[i].stands_in != 0:
            tasks.wake(i)
    enable_interrupts()


@metal
def begin() -> None:
    """The current task, a stand-in, is about to be called for the first time."""
    if status.stood_in == 0:
        status.stood_in = read_tsc()
