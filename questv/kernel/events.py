"""What is to happen when: alarms of tasks, replenishments of VCPUs, and the timer that tells.

The timer is armed for one moment, the next one at which something has to be done, and for none
if there is nothing: an idle kernel is not interrupted. Interrupts are off in all of it. Moments are
values of the time-stamp counter.
"""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import clock, lapic, queue
from questv.kernel.info import MAX_TASKS, MAX_VCPUS, info
from questv.kernel.queue import EventQueue
from questv.kernel.status import status
from questv.kernel.stubs import TIMER_VECTOR
from questv.metal.lang import metal, static, u32, u64

NEVER = (1 << 64) - 1

# Kinds of events; each is of a task, a VCPU or the kernel, and due at one moment, or at none.
ALARM = 0  # of a task
REPLENISHMENT = 1  # of a VCPU
WATCHDOG = 2  # of a task
OWN = 3  # of the kernel itself: not of a task, but one of these
KINDS = 4
END_OF_RUN, HEARTBEAT = 0, 1
assert KINDS * max(MAX_TASKS, MAX_VCPUS) <= queue.EVENTS

_FIRED = 0  # in the place of the moment that the timer was armed for
_LONGEST = 0xFFFF_0000  # ticks of the APIC's timer; what is farther takes several interrupts

events: EventQueue = static()
_armed_for: u64 = static(NEVER)  # when the timer will interrupt
_longest: u64 = static()  # the same as ``_LONGEST``, in ticks of the TSC


@metal
def start() -> None:
    """Set the timer up."""
    global _longest
    _longest = clock.from_apic_ticks(_LONGEST)
    most = max(info.task_count, info.vcpu_count)
    if info.heartbeat.period != 0:
        most = max(most, 1 + HEARTBEAT)  # fewer events are fewer matches
    queue.clear(events, number(0, u64(most)))
    lapic.set_timer_vector(TIMER_VECTOR)


@metal(inline=True)
def number(kind: u64, index: u64) -> u64:
    """The event of this kind that is the task's or the VCPU's with this index."""
    return index * KINDS + kind


@metal(inline=True)
def next_moment() -> u64:
    """When the next event is due; ``NEVER`` if there is none."""
    return queue.first_time(events)


@metal(inline=True)
def timer_has_fired() -> None:
    """The timer has interrupted, and is armed no more."""
    global _armed_for
    _armed_for = _FIRED


@metal(inline=True)
def has_fired() -> bool:
    """Whether the timer has interrupted and has not been armed again since."""
    return _armed_for == _FIRED


@metal(inline=True)
def add(kind: u64, index: u64, moment: u64, now: u64) -> None:
    """Let the event be due at ``moment``, and the timer interrupt no later than then."""
    queue.set(events, number(kind, index), moment)
    if moment < _armed_for:
        _arm(moment, now)


@metal(inline=True)
def remove(kind: u64, index: u64) -> None:
    """Let the event not be due; the timer may interrupt for it once more."""
    queue.remove(events, number(kind, index))


@metal(inline=True)
def take_due(now: u64) -> u64:
    """The number of the first event, which is then not due any more, if it is due by now.

    ``queue.NONE`` otherwise.
    """
    return queue.pop_due(events, now)


@metal(inline=True)
def arm(moment: u64, now: u64) -> None:
    """Have the timer interrupt at ``moment``, and at no other."""
    global _armed_for
    if moment == NEVER and _armed_for == _FIRED:
        _armed_for = NEVER
    elif moment != _armed_for:
        _arm(moment, now)


@metal(inline=True)
def arm_again() -> None:
    """Arm the timer, which has interrupted, for the next event."""
    arm(next_moment(), read_tsc())


@metal
def _arm(moment: u64, now: u64) -> None:
    global _armed_for
    _armed_for = moment
    status.timer_settings += 1
    if moment == NEVER:
        lapic.arm_timer(0)
        return
    wait = min(moment - now, _longest) if moment > now else 0
    # One more, so that the interrupt does not come before the time has.
    lapic.arm_timer(u32(clock.to_apic_ticks(wait)) + 1)
