from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Ptr, Shared, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof


class Job(Struct):
    number: u32
    done: u32


@metal
def first(bytes: Ptr[u8], job: Job, address: u64) -> u64:
    first(address, job, address)
    first(bytes, ptr(job), address)
    return bytes
