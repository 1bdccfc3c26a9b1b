"""Which incarnation of its kernel this is."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import metal, static, u64

number: u64 = static(0)
"""0 for the one that the boot has started, one more after each restart."""
session: u64 = static(0)
"""What channels know it by: 0 for the first one; even, and no other incarnation has the same.

It is the time at which it has begun. So whatever an earlier one has left behind, it can't have
written down this number, but by a guess that is right to the tick.
"""


@metal
def start(told: u64) -> None:
    """Set both, as the monitor has told; to be called before all else."""
    global number, session
    number = told
    session = 0 if told == 0 else read_tsc() & ~u64(1)
