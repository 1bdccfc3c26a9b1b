from __future__ import annotations

import pytest

from questv.inspect import words
from questv.monitor.interface import ExitReason


def test_members_are_words_and_others_numbers() -> None:
    assert words.words(ExitReason.PAGE_FAULT) == "page fault"
    assert words.words(77) == "unknown (77)"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0x1B, "MSR 0x1b (APIC_BASE)"),
        (0xC000_0080, "MSR 0xc0000080 (EFER)"),
        (0x830, "MSR 0x830 (x2APIC: command)"),
        (0x83D, "MSR 0x83d (x2APIC: register 0x3d)"),
        (0x201, "MSR 0x201 (memory types (MTRR, PAT))"),
        (0x4000_0000, "MSR 0x40000000"),
    ],
)
def test_msr(number: int, text: str) -> None:
    assert words.msr(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0x43, "port 0x43 (the interval timer (PIT))"),
        (0x71, "port 0x71 (the real-time clock (CMOS))"),
        (0x2F8, "port 0x2f8 (the serial port com2)"),
        (0xF4, "port 0xf4 (the emulator's exit port)"),
        (0x9999, "port 0x9999"),
    ],
)
def test_port(number: int, text: str) -> None:
    assert words.port(number) == text


def test_exception() -> None:
    assert words.exception(13) == "general protection fault"
    assert words.exception(9) == "exception 9"
