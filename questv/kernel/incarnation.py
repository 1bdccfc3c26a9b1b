"""Which life of its kernel this is."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import metal, static, u64

number: u64 = static(0)
"""0 for the life that the boot began, one more after each restart."""
session: u64 = static(0)
"""What channels know this life by: 0 for the first one; even, and no other life has the same.

It is the time at which this life has begun. So whatever an earlier life has left behind, it can't
have written down this number, but by a guess that is right to the tick.
"""


@metal
def start(life: u64) -> None:
    """Set both; to be called before all else."""
    global number, session
    number = life
    session = 0 if life == 0 else read_tsc() & ~u64(1)
