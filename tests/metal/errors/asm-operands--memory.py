from __future__ import annotations

from questv.metal.lang import asm, metal, u32


@metal
def copy(value: u32) -> u32:
    return asm("mov $0, $1", u32, "=m,r", value)
