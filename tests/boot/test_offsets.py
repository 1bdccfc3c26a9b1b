"""The comparison of counters takes the quickest exchange, and nobody waits for a slow one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from questv.arch.x86.machine import MachineFacts
from questv.boot import offsets
from questv.metal.jit import Jit
from questv.monitor.plan import MonitorPlan

CORE = 3
NO_MORE = (1 << 64) - 1


@pytest.fixture(scope="module")
def compiled() -> Jit:
    return Jit(offsets)


@pytest.fixture
def jit(compiled: Jit) -> Iterator[Jit]:
    exchange = compiled.variable(offsets.exchanges)[CORE]
    for cell in (exchange.asked, exchange.answered, exchange.counter):
        cell.store(0, None)
    yield compiled


def said(jit: Jit, counter: int) -> None:
    jit.variable(offsets.exchanges)[CORE].counter.store(counter, None)


@pytest.mark.parametrize("ahead", [0, 1, -1, 12_345, -12_345, 1 << 40, -(1 << 40)])
def test_the_error_is_half_of_the_time_that_it_took(jit: Jit, ahead: int) -> None:
    """Wherever in that time the answer was given, it is right within the error."""
    for moment in range(1 << 50, (1 << 50) + 101, 10):
        monitor = MonitorPlan()
        said(jit, moment + ahead)
        jit[offsets.learn](monitor, CORE, 1 << 50, (1 << 50) + 100)
        assert int(monitor.tsc_error) == 51
        assert abs(int(monitor.tsc_offset) - ahead) <= 51


def test_the_quickest_exchange_counts(jit: Jit) -> None:
    monitor = MonitorPlan()
    for counter, length in ((5000, 1000), (7000, 200), (9000, 201), (6500, 200)):
        said(jit, counter)
        jit[offsets.learn](monitor, CORE, 0, length)
    assert (int(monitor.tsc_offset), int(monitor.tsc_error)) == (7000 - 101, 101)


@pytest.mark.parametrize(("offset", "kept"), [(100, 0), (-100, 0), (101, 101), (-101, -101)])
def test_a_core_that_does_not_answer_goes_on(jit: Jit, offset: int, kept: int) -> None:
    """By what its start has told; an offset within the error is none."""
    monitor = MonitorPlan(tsc_offset=offset, tsc_error=100)
    begin = time.monotonic()
    jit[offsets.ask](MachineFacts(tsc_frequency=1_000_000_000), monitor, CORE)
    assert time.monotonic() - begin < 1
    assert (int(monitor.tsc_offset), int(monitor.tsc_error)) == (kept, 100)
    assert int(jit.variable(offsets.exchanges)[CORE].asked.load(None)) == NO_MORE


def test_two_threads(jit: Jit) -> None:
    """They have the same counter; one of them is made to believe otherwise."""
    ahead = 1 << 44
    monitor = MonitorPlan()
    other = threading.Thread(target=lambda: jit[offsets.answer](CORE, ahead))
    other.start()
    # A counter that seems slow: this host may take its time to run both.
    jit[offsets.ask](MachineFacts(tsc_frequency=1 << 48), monitor, CORE)
    other.join(10)
    assert not other.is_alive(), "it is let go"
    assert abs(int(monitor.tsc_offset) - ahead) <= int(monitor.tsc_error)
    assert 0 < int(monitor.tsc_error) < ahead
