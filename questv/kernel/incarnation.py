"""Which life of this kernel it is: the monitor starts a kernel anew that has died."""

from __future__ import annotations

from questv.metal.lang import metal, static, u64

number: u64 = static()  # 0 for the one that the boot starts, one more with each restart


@metal
def start(told: u64) -> None:
    """Remember what the monitor has told at the entry."""
    global number
    number = told
