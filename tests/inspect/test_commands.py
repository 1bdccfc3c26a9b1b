from __future__ import annotations

import pytest

from questv.arch.x86.machine import MachineFacts
from questv.inspect import commands
from questv.inspect.guest import Guest

from .machines import HELLO, Sheet, plan_of


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (5 << 32 | 0x500, "INIT to APIC 5 (sandbox 'pong')"),
        (4 << 32 | 0x608, "SIPI (start at 0x8000) to APIC 4 (sandbox 'ping')"),
        (4 << 32 | 0x33, "vector 0x33 to APIC 4 (sandbox 'ping')"),
        (9 << 32 | 0x400, "an NMI to APIC 9"),
        (0x200 | 3 << 18, "an SMI to all other cores"),
        (0x31 | 2 << 18, "vector 0x31 to all cores"),
        (0x31 | 1 << 18, "vector 0x31 to itself"),
        (1 << 32 | 0x31 | 1 << 11, "vector 0x31 to the logical destination 0x1"),
        (0x331, "an interrupt of kind 3 to APIC 0"),
    ],
)
def test_commands_in_words(command: int, text: str) -> None:
    plan = plan_of(HELLO)
    sheet = Sheet()
    sheet.put(plan.boot_machine, MachineFacts(core_count=2, apic_ids=[4, 5]))
    assert commands.describe(Guest(plan, sheet), command) == text
