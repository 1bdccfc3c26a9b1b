from __future__ import annotations

from questv.metal.lang import metal, u64



@metal
def count(end: u64) -> u64:
    done = u64(0)
    for _ in range(end):
        doen += 1
    return done
