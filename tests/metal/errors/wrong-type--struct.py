from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Ptr, Shared, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof


class Job(Struct):
    number: u32
    done: u32


@metal
def read(to: Ptr[u8], length: u64) -> None:
    to[length] = 0


@metal
def take(first: Ptr[Job], jobs: Array[Job, 4]) -> None:
    job: Job = local()
    read(job, sizeof(Job))
    read(ptr(job), sizeof(Job))
    take(job, jobs)
    take(jobs, jobs)
