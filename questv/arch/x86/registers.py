"""Numbers and bits of control registers and model-specific registers that the project uses."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from questv.metal.lang import u32, u64
from questv.metal.structs import width


@width(u64)
class Cr0(IntFlag):
    """CR0 (APM vol. 2, 3.1.1)."""

    PROTECTION = 1 << 0
    MONITOR_COPROCESSOR = 1 << 1
    EXTENSION_TYPE = 1 << 4
    NUMERIC_ERROR = 1 << 5
    WRITE_PROTECT = 1 << 16
    ALIGNMENT_MASK = 1 << 18
    PAGING = 1 << 31


@width(u64)
class Cr4(IntFlag):
    """CR4 (APM vol. 2, 3.1.3)."""

    PAGE_SIZE_EXTENSION = 1 << 4
    PHYSICAL_ADDRESS_EXTENSION = 1 << 5
    FXSAVE = 1 << 9
    SIMD_EXCEPTIONS = 1 << 10
    EXTENDED_STATES = 1 << 18


@width(u64)
class Efer(IntFlag):
    """EFER (APM vol. 2, 3.1.7)."""

    SYSCALL = 1 << 0
    LONG_MODE_ENABLE = 1 << 8
    LONG_MODE_ACTIVE = 1 << 10
    NO_EXECUTE_ENABLE = 1 << 11
    SVM_ENABLE = 1 << 12


@width(u32)
class Msr(IntEnum):
    """Model-specific registers (APM vol. 2, appendix A)."""

    APIC_BASE = 0x1B
    EFER = 0xC000_0080
    VM_CR = 0xC001_0114
    VM_HSAVE_PA = 0xC001_0117


APIC_BASE_ENABLE = 1 << 11
"""APIC_BASE: the local APIC is on (APM vol. 2, 16.3.1)."""
APIC_BASE_X2APIC = 1 << 10
"""APIC_BASE: it is reached through MSRs (APM vol. 2, 16.9)."""

VM_CR_SVM_DISABLED = 1 << 4
"""VM_CR.SVMDIS: the firmware has switched SVM off (APM vol. 2, 15.30.1)."""

RFLAGS_FIXED = 1 << 1
RFLAGS_INTERRUPTS = 1 << 9
RFLAGS_ALIGNMENT_CHECK = 1 << 18
