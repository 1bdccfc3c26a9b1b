from __future__ import annotations

from questv.metal.lang import f64, metal, u64



@metal
def later(now: u64) -> u64:
    now += 1.5
    return now + 1e6


@metal(floats=True)
def half(value: f64, count: u64) -> f64:
    count += 0.5
    return value / 2.0
