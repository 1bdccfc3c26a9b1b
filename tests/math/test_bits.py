"""The same bits come out in every build, and on the emulated machine, where tasks run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.metal.jit import Jit
from tests.metal.loading import Workshop
from tests.running import boot, sandbox_text, system_text, task_text

from .catalogue import FUNCTIONS, Function
from .compiled import Compiled
from .table import PAGE
from .test_accuracy import columns

_DIGEST = """
from questv import math

@metal(floats=True)
def drawn(number: u64) -> f64:
    return float_from_bits(number * 0x9E3779B97F4A7C15 ^ number << 7)

@metal(floats=True)
def kept(digest: u64, value: f64) -> u64:
    bits = float_bits(value) if value == value else u64(0)
    return (digest << 1 | digest >> 63) ^ bits

@metal(floats=True)
def digest(count: u64) -> u64:
    result = u64(0)
    for number in range(count):
        x = drawn(number)
        y = drawn(number + count)
        unit = math.sin(x)
{calls}
    return result
"""
_TASK = """
@task(floats=True)
def compute(count: u64) -> None:
    log(f"{digest(count):x}")
"""


def digest_text() -> str:
    """Over all functions, at any floats and, for those that are defined there, from -1 to 1."""
    calls = []
    for function in FUNCTIONS:
        for x, y in (("x", "y"), ("unit", "x * 0.5")):
            given = ", ".join((x, y)[: function.arity])
            calls.append(f"        result = kept(result, math.{function.name}({given}))")
    return _DIGEST.format(calls="\n".join(calls))


@pytest.fixture(scope="module")
def plain(makers: Workshop) -> Compiled:
    return Compiled(makers, checks=True, level=0)


@pytest.fixture(scope="module")
def optimized(makers: Workshop) -> Compiled:
    return Compiled(makers, checks=False, level=3)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_builds_agree(plain: Compiled, optimized: Compiled, function: Function) -> None:
    for draw in range(len(function.draws)):
        given = columns(function, draw, 300)
        first, second = (made.column(function.name, given) for made in (plain, optimized))
        assert [x.hex() for x in first] == [x.hex() for x in second]


def test_the_machine_agrees(tmp_path: Path, makers: Workshop) -> None:
    count = 200
    module = makers.load(digest_text())
    expected = Jit(module)[module.digest](count)
    description = system_text(sandbox_text("a", task_text("compute", count=count)))
    run = boot(tmp_path, description, digest_text() + _TASK)
    assert run["a"].lines == [f"{expected:x}"]


def test_the_example_of_the_page(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.S | re.M)
    description = system_text(sandbox_text("a", task_text("steer")))
    assert boot(tmp_path, description, example)["a"].lines == ["heading 225, 5 km"]
