from __future__ import annotations

from questv.metal.lang import ACQUIRE, Atomic, metal, static, u32

lock: Atomic[u32] = static(0)


@metal
def free() -> None:
    lock.store(0, ACQUIRE)
