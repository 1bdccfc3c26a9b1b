"""Sleeping, and what the timer's interrupt does."""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.kernel import clock, events, heartbeats, panic, queue, tasks, vcpus
from questv.kernel.ending import end_kernel
from questv.kernel.events import ALARM, END_OF_RUN, HEARTBEAT, KINDS, OWN
from questv.kernel.info import info
from questv.kernel.status import status
from questv.metal.lang import asm, metal, u64


@metal
def start() -> None:
    """The run's end, if it has one, is the first thing to wait for."""
    if info.machine.run_nanoseconds != 0:
        moment = clock.to_tsc(info.machine.run_nanoseconds)
        events.add(OWN, END_OF_RUN, moment, read_tsc())


@metal
def sleep_until(nanoseconds: u64) -> None:
    """Let the current task sleep until this moment, in nanoseconds since the machine's start."""
    disable_interrupts()
    if set_alarm(clock.to_tsc(nanoseconds)):
        tasks.block()
    enable_interrupts()


@metal(inline=True)
def set_alarm(tsc: u64) -> bool:
    """Have the current task woken at this moment; false if it has passed. Interrupts are off."""
    now = read_tsc()
    if tsc <= now:
        return False
    events.add(ALARM, tasks.current(), tsc, now)
    return True


@metal(inline=True)
def cancel_alarm() -> None:
    """Forget the current task's alarm, if it has not gone off. Interrupts are off."""
    events.remove(ALARM, tasks.current())


@metal(inline=True)
def expire() -> None:
    """The timer has interrupted: do everything whose moment has come."""
    status.timer_interrupts += 1
    events.timer_has_fired()
    now = read_tsc()
    _handle_first(now)
    if events.next_moment() <= now:
        _handle_more(now)  # which is rare, and would cost each interrupt something if it were here


@metal
def _handle_more(now: u64) -> None:
    while events.next_moment() <= now:
        _handle_first(now)


@metal(inline=True)
def _handle_first(now: u64) -> None:
    """Handle the first event, if it is due by now."""
    event = events.take_due(now)
    if event != queue.NONE:
        _handle(event % KINDS, event // KINDS, now)


@metal(inline=True)
def _handle(kind: u64, index: u64, now: u64) -> None:
    match kind:
        case events.ALARM:
            tasks.wake_member(vcpus.members[index], now)
        case events.REPLENISHMENT:
            vcpus.replenish(index, now)
        case events.WATCHDOG:
            _watchdog_has_run_out(index)
        case _:
            _handle_own(index, now)


@metal
def _handle_own(index: u64, now: u64) -> None:
    if index == HEARTBEAT:
        heartbeats.beat(now)
    else:
        end_kernel(True)


@metal
def _watchdog_has_run_out(task: u64) -> None:
    own = asm("mov $0, rbp", u64, "=r")
    panic.for_watchdog(task, own if task == tasks.current() else tasks.frame_of(task))
