"""Sleeping, and the one-shot timer that ends it."""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.kernel import clock, lapic, tasks
from questv.kernel.hypercall import hypercall
from questv.kernel.info import MAX_TASKS, info
from questv.kernel.status import status
from questv.metal.lang import Array, metal, static, trailing_zeros, u32, u64
from questv.monitor.interface import Hypercall

TIMER_VECTOR = 0x20
NEVER = (1 << 64) - 1
_LONGEST = 0xFFFF_0000  # ticks of the APIC's timer; longer sleeps take several
_FAR = 1 << 55  # ticks of the TSC, as good as any more; converted without an overflow

_wake_at: Array[u64, MAX_TASKS] = static()  # time-stamp counter, for each task that sleeps
_armed_for: u64 = static(NEVER)  # when the timer will interrupt
_stop_at: u64 = static(NEVER)  # when the run ends


@metal
def start() -> None:
    """Set the timer up; the run's end, if it has one, is the first thing to wait for."""
    global _stop_at
    lapic.set_timer_vector(TIMER_VECTOR)
    if info.machine.run_nanoseconds != 0:
        _stop_at = clock.to_tsc(info.machine.run_nanoseconds)
        _arm(_stop_at, read_tsc())


@metal
def sleep_until(nanoseconds: u64) -> None:
    """Let the current task sleep until this moment, in nanoseconds since the machine's start."""
    disable_interrupts()
    if set_alarm(clock.to_tsc(nanoseconds)):
        tasks.block()
    enable_interrupts()


@metal
def set_alarm(tsc: u64) -> bool:
    """Have the current task woken at this moment; false if it has passed. Interrupts are off."""
    now = read_tsc()
    if tsc <= now:
        return False
    _wake_at[tasks.current()] = tsc
    status.sleeping |= status.running
    if tsc < _armed_for:
        _arm(tsc, now)
    return True


@metal
def cancel_alarm() -> None:
    """Forget the current task's alarm, if it has not gone off. Interrupts are off."""
    status.sleeping &= ~status.running


@metal
def expire() -> None:
    """The timer has interrupted: wake everyone whose time has come, and arm it for the next."""
    global _armed_for
    status.timer_interrupts += 1
    now = read_tsc()
    if now >= _stop_at:
        hypercall(Hypercall.FINISHED, 1, 0)
    next = _stop_at
    rest = status.sleeping
    while rest != 0:
        task = trailing_zeros(rest)
        rest &= rest - 1
        if _wake_at[task] <= now:
            status.sleeping &= ~(u64(1) << task)
            tasks.wake(u64(1) << task)
        else:
            next = min(next, _wake_at[task])
    _armed_for = NEVER
    if next != NEVER:
        _arm(next, now)


@metal
def _arm(tsc: u64, now: u64) -> None:
    global _armed_for
    _armed_for = tsc
    # Rounded up, so that the interrupt does not come before the time has.
    ticks = clock.to_apic_ticks(min(tsc - now, _FAR)) + 1 if tsc > now else 1
    lapic.arm_timer(u32(min(ticks, _LONGEST)))
