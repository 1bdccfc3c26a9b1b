from __future__ import annotations

from questv.metal.lang import local, metal, u64


@metal
def make() -> None:
    count: u64 = local()
