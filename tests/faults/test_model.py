"""Faults and moments as they are written, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.faults.draw import Draws, draw_fault, draw_moment
from questv.faults.model import (
    DOORBELLS,
    Count,
    FaultError,
    Kind,
    Moment,
    Passage,
    duration_text,
    parse_fault,
    parse_when,
)
from questv.faults.targets import Target

TARGETS = (Target("data", 0x1000, 0x40), Target("text", 0x2000, 8), Target("data", 0x3000, 16))


@given(st.sampled_from(Kind), st.integers(0, 1 << 64), st.integers(0, 1 << 32))
def test_what_is_drawn_can_be_typed(kind: Kind, seed: int, run: int) -> None:
    fault = draw_fault(Draws(seed, run), kind, TARGETS)
    assert parse_fault(str(fault)) == fault
    assert draw_fault(Draws(seed, run), kind, TARGETS) == fault
    if fault.address:
        assert any(each.holds(fault.address) and each.holds(fault.address + 7) for each in TARGETS)


@given(st.sampled_from(Kind), st.integers(0, 1000), st.integers(1, 50), st.integers(1, 50))
def test_moments_are_of_the_run_without_a_fault(
    kind: Kind, run: int, doorbell: int, more: int
) -> None:
    when = draw_moment(Draws(1, run), kind, doorbell + more, doorbell)
    assert 1 <= when.number <= (doorbell if kind in DOORBELLS else doorbell + more)
    assert parse_when(str(when)) == when


def test_all_bits_and_words_come() -> None:
    drawn = [draw_fault(Draws(3, run), Kind.MEMORY_BITS, TARGETS) for run in range(2000)]
    assert {bit for fault in drawn for bit in fault.bits} == set(range(64))
    words = [*range(0x1000, 0x1040, 8), 0x2000, 0x3000, 0x3008]
    assert {fault.address for fault in drawn} == set(words)
    assert all(first < second for first, second in (fault.bits for fault in drawn))
    text = sum(fault.address == 0x2000 for fault in drawn)
    assert 850 < text < 1150  # each region as often as each other


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("500th", Count(500)),
        ("1st", Count(1)),
        ("3.2ms", Moment(3_200_000)),
        ("40us", Moment(40_000)),
        ("tasks.ping", Passage("tasks.ping")),
        ("tasks.ping+0x10:3", Passage("tasks.ping", 16, 3)),
        ("tasks.ping+7", Passage("tasks.ping", 7)),
        ("tasks.ping:12", Passage("tasks.ping", 0, 12)),
    ],
)
def test_moments(text: str, when: object) -> None:
    assert parse_when(text) == when
    assert parse_when(str(when)) == when


@given(st.integers(1, 10**12))
def test_durations_are_written_exactly(nanoseconds: int) -> None:
    assert parse_when(duration_text(nanoseconds)) == Moment(nanoseconds)


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("0th", "a sandbox has no 0th instruction", "count from 1st"),
        ("", "'' is no moment", "write SYMBOL, SYMBOL+offset:N"),
        ("12", "'12' is no moment", "write SYMBOL, SYMBOL+offset:N"),
        ("3.2 ms", "'3.2 ms' is no moment", "a time such as 3.2ms"),
        ("tasks.ping:0", "'tasks.ping:0' never comes", "count from SYMBOL:1"),
    ],
)
def test_what_is_no_moment(text: str, problem: str, fix: str) -> None:
    with pytest.raises(FaultError) as raised:
        parse_when(text)
    assert raised.value.message == problem
    assert fix in raised.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "register-bit:rax",
        "register-bit:eax:1",
        "register-bit:rax:64",
        "register-bit:rax:1+2",
        "register-bit:if:9",
        "register-bits:rax:1",
        "register-bits:rax:1+1",
        "memory-bit:here:1",
        "memory-bit:0x1000",
        "memory-bits:0x1000:1+64",
        "instruction:xy",
        "instruction:" + 16 * "90",
        "instruction:",
        "kill:now",
        "stall:0us",
        "stall:2s",
        "stall:5",
        "doorbell-drop:1",
        "doorbell-delay:soon",
    ],
)
def test_what_is_no_fault(text: str) -> None:
    with pytest.raises(FaultError) as raised:
        parse_fault(text)
    assert raised.value.message == f"'{text}' is no fault"
    kind = text.partition(":")[0]
    assert f"write {kind}" in raised.value.fix


def test_an_unknown_fault() -> None:
    with pytest.raises(FaultError) as raised:
        parse_fault("kil")
    assert (raised.value.message, raised.value.fix) == (
        "there is no fault 'kil'",
        'did you mean "kill"?',
    )
