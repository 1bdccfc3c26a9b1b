from __future__ import annotations

from questv.api import Input, log, task
from questv.metal.lang import metal, u64


@task
def read(left: Input, right: Input) -> None:
    log(f"left {left.length} bytes, sum {total(left)}")
    log(f"right {right.length} bytes, sum {total(right)}")


@metal
def total(input: Input) -> u64:
    sum: u64 = 0
    for i in range(input.length):
        sum += u64(input.bytes[i])
    return sum
