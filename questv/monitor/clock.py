"""A monitor's time: the time-stamp counter as its kernel sees it, and all other kernels theirs."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import metal, u64
from questv.monitor.memory import plan

_NANOSECONDS = 1_000_000_000


@metal(inline=True)
def correction() -> u64:
    """What is added to this core's counter: by this it agrees with that of the core that booted."""
    return plan.tsc_skew - u64.wrap(plan.tsc_offset)


@metal
def now() -> u64:
    """The counter, set right."""
    return read_tsc() + correction()


@metal
def ticks(nanoseconds: u64) -> u64:
    """So much time in ticks of the counter."""
    frequency = plan.machine.tsc_frequency
    whole = nanoseconds // _NANOSECONDS * frequency
    return whole + nanoseconds % _NANOSECONDS * frequency // _NANOSECONDS
