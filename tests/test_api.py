"""What a type checker makes of tasks as users write them."""

from __future__ import annotations

from pathlib import Path

from tests.metal.test_types_for_mypy import Mypy, error_lines, marked_lines

HEAD = """\
from __future__ import annotations

from questv.api import (
    Input, Mutex, Receiver, Sender, State, finish, initialize, log, periodic, task,
)
from questv.metal.lang import f32, f64, u8, u64


class Controller(State):
    count: u64
    sum: f64

"""

GOOD = """
@periodic(period="1 ms", budget=100_000, floats=True)
def step(readings: Receiver, state: Controller, gain: f64, lock: Mutex) -> None:
    lock.lock()
    state.count += 1
    lock.unlock()
    state.sum += gain
    if state.count > 3:
        finish()


@initialize(step)
def prepare(state: Controller, gain: f64) -> None:
    state.sum = gain


@periodic
def plain(state: Controller) -> None:
    log(f"{state.count}")


@task
def once(out: Sender, file: Input) -> None:
    log(f"{file.length}")


@task(floats=True)
def half(value: f32) -> None:
    log(f"{u64(value / 2)}")
"""

BAD = """
@periodic(period=1.5)  # error
def step(state: Controller, number: u64) -> None:
    state.counts += 1  # error
    state.count += u8(1)  # error


@initialize(3)  # error
def prepare(state: Controller) -> None:
    plain(state)
    plain(3)  # error
    plain()  # error


@periodic
def plain(state: Controller) -> None:
    state.sum += state.count  # error
"""


def test_decorated_functions_keep_their_types(tmp_path: Path) -> None:
    mypy = Mypy(tmp_path)
    assert mypy.check("good", HEAD + GOOD) == []
    assert error_lines(mypy.check("bad", HEAD + BAD)) == marked_lines(HEAD + BAD)
