"""The local APIC's registers (APM vol. 2, 16), reached as x2APIC MSRs or in the xAPIC's page."""

from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import u32
from questv.metal.structs import width

X2APIC_MSR_BASE = 0x800
XAPIC_ADDRESS = 0xFEE0_0000
"""Where the xAPIC's page is after reset; the project leaves it there."""


@width(u32)
class ApicRegister(IntEnum):
    """A register's number: its x2APIC MSR less 0x800, its byte offset in the page over 16."""

    ID = 0x02
    VERSION = 0x03
    TASK_PRIORITY = 0x08
    END_OF_INTERRUPT = 0x0B
    SPURIOUS = 0x0F
    IN_SERVICE = 0x10
    REQUESTED = 0x20
    ERROR_STATUS = 0x28
    COMMAND = 0x30  # ICR; in the xAPIC's page its high half, the destination, is number 0x31
    COMMAND_HIGH = 0x31
    TIMER = 0x32
    LINT0 = 0x35
    LINT1 = 0x36
    ERROR = 0x37  # the last of the local vector table's six, which begins with the timer
    TIMER_INITIAL = 0x38
    TIMER_CURRENT = 0x39
    TIMER_DIVIDE = 0x3E
    SELF_INTERRUPT = 0x3F


SPURIOUS_ENABLE = 1 << 8
TIMER_DIVIDE_BY_1 = 0b1011
LVT_NMI = 0x400
LVT_MASKED = 1 << 16
LVT_PERIODIC = 1 << 17

COMMAND_SMI = 0x200
COMMAND_NMI = 0x400
COMMAND_INIT = 0x500
COMMAND_STARTUP = 0x600
COMMAND_ASSERT = 1 << 14
COMMAND_PENDING = 1 << 12
