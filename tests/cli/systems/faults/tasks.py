from __future__ import annotations

from questv.api import log, panic, sleep_until, task
from questv.arch.x86.instructions import out8
from questv.metal.lang import Array, Ptr, Volatile, metal, static, u8, u16, u64

NONE, PANIC, DIVIDE, INDEX, STRAY, PORT = range(6)

table: Array[u64, 8] = static()


@task
def misbehave(fault: u64, argument: u64) -> None:
    log("about to misbehave")
    perform(fault, argument)
    log("all is well")


@metal
def perform(fault: u64, argument: u64) -> None:
    if fault == PANIC:
        panic("nothing makes sense [any more]")
    elif fault == DIVIDE:
        table[0] = divide(1000, argument)
    elif fault == INDEX:
        store(argument)
    elif fault == STRAY:
        Ptr[Volatile[u8]](argument)[0].write(1)
    elif fault == PORT:
        out8(u16.wrap(argument), 1)


@metal(inline=True)
def divide(value: u64, by: u64) -> u64:
    return value // by


@metal
def store(index: u64) -> None:
    table[index] = 1


@task
def work() -> None:
    sleep_until(200_000_000)
    log("the work is done")
