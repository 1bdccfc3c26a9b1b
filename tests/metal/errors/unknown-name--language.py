from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def widen(value: u32) -> u64:
    total = u64(value)
    return u16(totl)


@metal
def double(value: u32) -> u64:
    total = u64(value)
    return totl * 2
