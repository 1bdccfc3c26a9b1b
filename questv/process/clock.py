"""Time: nanoseconds since the machine's start, without a system call; and sleeping."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel.clock import scale
from questv.metal.lang import metal, u64
from questv.process import calls
from questv.process.info import info


@metal
def now() -> u64:
    """Nanoseconds since the machine's start."""
    tsc = read_tsc()
    return scale(tsc - info.start_tsc, info.clock_per_tick) if tsc > info.start_tsc else 0


@metal
def sleep_until(nanoseconds: u64) -> None:
    """Sleep until this moment, in nanoseconds since the machine's start."""
    calls.sleep_until(nanoseconds)
    while now() < nanoseconds:  # it was moved to another kernel meanwhile
        calls.sleep_until(nanoseconds)
