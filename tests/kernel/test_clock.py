"""The kernel's clock: exact for years, whatever the frequencies, and without an overflow."""

from __future__ import annotations

import functools
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from questv.kernel import clock
from questv.kernel.info import info
from questv.metal.jit import Jit

YEAR = 365 * 86_400 * 10**9
NEVER = (1 << 64) - 1

FREQUENCIES = st.integers(200_000_000, 8_000_000_000)
STARTS = st.integers(0, 1 << 60)


@functools.cache
def jit() -> Jit:
    return Jit(clock)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    jit()


def start(tsc: int, apic: int = 1_000_000_000, start_tsc: int = 0) -> None:
    machine = jit().variable(info).machine
    machine.tsc_frequency, machine.apic_frequency, machine.start_tsc = tsc, apic, start_tsc
    jit()[clock.start]()


@given(FREQUENCIES, STARTS, st.integers(0, YEAR))
@example(1_000_000_000, 0, YEAR)
@example(2_899_999_999, 0, 86_400 * 10**9)
def test_a_moment_has_come_when_its_tick_has(tsc: int, start_tsc: int, moment: int) -> None:
    """Who sleeps until a moment finds, on waking, that the clock says so; and hardly oversleeps."""
    start(tsc, start_tsc=start_tsc)
    tick = jit()[clock.to_tsc](moment)
    assert jit()[clock.to_nanoseconds](tick) >= moment
    exact = start_tsc + Fraction(moment * tsc, 10**9)
    assert 0 <= tick - exact <= 3


@given(FREQUENCIES, STARTS, st.integers(0, YEAR))
def test_nanoseconds(tsc: int, start_tsc: int, moment: int) -> None:
    start(tsc, start_tsc=start_tsc)
    ticks = moment * tsc // 10**9
    exact = Fraction(ticks * 10**9, tsc)
    assert abs(jit()[clock.to_nanoseconds](start_tsc + ticks) - exact) <= 5


@given(FREQUENCIES, STARTS, st.integers(0, NEVER))
@example(1_000_000_000, 12345, NEVER)
@example(999_999_999, 12345, NEVER)
@example(3_000_000_000, 0, 1 << 63)
def test_the_far_future_is_never_the_past(tsc: int, start_tsc: int, moment: int) -> None:
    start(tsc, start_tsc=start_tsc)
    exact = start_tsc + Fraction(moment * tsc, 10**9)
    tick = jit()[clock.to_tsc](moment)
    if exact > NEVER:
        assert tick == NEVER
    else:
        assert tick == NEVER or tick >= exact


@given(FREQUENCIES, st.integers(1_000_000, 2_000_000_000), st.integers(0, 1 << 34))
def test_ticks_of_the_timer(tsc: int, apic: int, stretch: int) -> None:
    """Never too few by more than the one that the timer's arming adds."""
    start(tsc, apic)
    exact = Fraction(stretch * apic, tsc)
    assert -1 <= jit()[clock.to_apic_ticks](stretch) - exact <= 1


@given(FREQUENCIES, st.integers(1, 1 << 60), st.integers(1, NEVER))
def test_time_does_not_begin_before_zero(tsc: int, start_tsc: int, before: int) -> None:
    """A core whose counter is behind the one that time was started by."""
    start(tsc, start_tsc=start_tsc)
    assert jit()[clock.to_nanoseconds](max(start_tsc - before, 0)) == 0
