"""The tank and its two tasks; what they both use is held one at a time."""

from __future__ import annotations

from questv.api import (
    FOREVER,
    Condition,
    Counter,
    Histogram,
    Mutex,
    State,
    finish,
    log,
    now,
    periodic,
    task,
    unwatch,
    watch,
)
from questv.metal.lang import static, u64
from questv.metal.structs import Struct

LOW, HIGH = 400, 800
PATIENCE = 3_000_000


class Tank(Struct):
    """What both tasks know; whoever uses it holds the mutex."""

    level: u64  # litres
    fillings: u64  # times that the pump was switched on


class Pump(State):
    """What the measuring task keeps from call to call."""

    rounds: u64
    level: u64
    is_on: bool


tank: Tank = static()
filled: Condition = static()
levels: Histogram = static()
pumped: Counter = static()


@periodic(period="1 ms", budget="50 us")
def measure(pump: Pump, state: Mutex, rounds: u64) -> None:
    """Measure once, and switch the pump."""
    watch(now() + PATIENCE)
    pump.level = max(pump.level, 7) - 7
    if pump.is_on:
        pump.level += 30
        pumped.add(30)
    levels.record(pump.level)
    starts = not pump.is_on and pump.level < LOW
    pump.is_on = starts or (pump.is_on and pump.level < HIGH)
    state.lock()
    tank.level = pump.level
    if starts:
        tank.fillings += 1
        filled.notify()
    state.unlock()
    pump.rounds += 1
    if pump.rounds == rounds:
        unwatch()
        finish()


@task
def show(state: Mutex, times: u64) -> None:
    """Say each time that the pump is switched on."""
    shown: u64 = 0
    while shown < times:
        state.lock()
        while tank.fillings == shown:
            filled.wait(state, FOREVER)
        shown = tank.fillings
        level = tank.level
        state.unlock()
        log(f"filling {shown} begins at {level} litres")
