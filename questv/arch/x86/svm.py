"""AMD's secure virtual machine: the control block and the codes of its exits (APM vol. 2, 15)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from questv.metal.lang import Array, u8, u16, u32, u64
from questv.metal.structs import Struct, at, offsetof, sizeof, width

CPUID_FEATURES = 0x8000_0001
CPUID_FEATURES_SVM = 1 << 2  # in ecx
CPUID_SVM = 0x8000_000A
CPUID_SVM_NESTED_PAGING = 1 << 0  # in edx
CPUID_SVM_NEXT_RIP = 1 << 3  # in edx
CPUID_SVM_FLUSH_BY_ASID = 1 << 6  # in edx
CPUID_SVM_DECODE_ASSISTS = 1 << 7  # in edx
CPUID_SVM_AVIC = 1 << 13  # in edx
CPUID_SVM_VGIF = 1 << 16  # in edx


@width(u32)
class Intercept3(IntFlag):
    """Intercepts at offset 0x00C of the control block (APM vol. 2, table B-1)."""

    INTR = 1 << 0
    NMI = 1 << 1
    SMI = 1 << 2
    INIT = 1 << 3
    CR0_SELECTIVE_WRITE = 1 << 5  # writes that change more than TS and MP (15.9)
    RDPMC = 1 << 15
    CPUID = 1 << 18
    RSM = 1 << 19
    INVD = 1 << 22
    PAUSE = 1 << 23
    HLT = 1 << 24
    INVLPG = 1 << 25
    INVLPGA = 1 << 26
    IO = 1 << 27
    MSR = 1 << 28
    TASK_SWITCH = 1 << 29
    FERR_FREEZE = 1 << 30
    SHUTDOWN = 1 << 31


@width(u32)
class Intercept4(IntFlag):
    """Intercepts at offset 0x010 of the control block (APM vol. 2, table B-1)."""

    VMRUN = 1 << 0
    VMMCALL = 1 << 1
    VMLOAD = 1 << 2
    VMSAVE = 1 << 3
    STGI = 1 << 4
    CLGI = 1 << 5
    SKINIT = 1 << 6
    RDTSCP = 1 << 7
    ICEBP = 1 << 8
    WBINVD = 1 << 9
    MONITOR = 1 << 10
    MWAIT = 1 << 11
    MWAIT_ARMED = 1 << 12
    XSETBV = 1 << 13


@width(u64)
class ExitCode(IntEnum):
    """Why a guest stopped (APM vol. 2, appendix C)."""

    EXCEPTION_DEBUG = 0x41
    EXCEPTION_ALIGNMENT = 0x51
    EXCEPTION_MACHINE_CHECK = 0x52
    INTR = 0x60
    NMI = 0x61
    SMI = 0x62
    INIT = 0x63
    CR0_SELECTIVE_WRITE = 0x65
    RDPMC = 0x6F
    CPUID = 0x72
    RSM = 0x73
    INVD = 0x76
    PAUSE = 0x77
    HLT = 0x78
    INVLPGA = 0x7A
    IO = 0x7B
    MSR = 0x7C
    TASK_SWITCH = 0x7D
    FERR_FREEZE = 0x7E
    SHUTDOWN = 0x7F
    VMRUN = 0x80
    VMMCALL = 0x81
    VMLOAD = 0x82
    VMSAVE = 0x83
    STGI = 0x84
    CLGI = 0x85
    SKINIT = 0x86
    RDTSCP = 0x87
    WBINVD = 0x89
    MONITOR = 0x8A
    MWAIT = 0x8B
    MWAIT_ARMED = 0x8C
    XSETBV = 0x8D
    NESTED_PAGE_FAULT = 0x400
    INVALID_SHORT = 0xFFFF_FFFF  # QEMU stores INVALID as 32 bits
    INVALID = 0xFFFF_FFFF_FFFF_FFFF


EXCEPTION_DEBUG = 1 << 1
EXCEPTION_ALIGNMENT = 1 << 17
EXCEPTION_MACHINE_CHECK = 1 << 18
TLB_FLUSH_ALL = 1
NESTED_PAGING_ENABLE = 1


class Segment(Struct):
    """A segment register in the state save area."""

    selector: u16
    attributes: u16
    limit: u32
    base: u64


class Vmcb(Struct, size=0x1000):
    """The virtual machine control block (APM vol. 2, appendix B)."""

    intercept_cr: u32 = at(0x000)
    intercept_dr: u32 = at(0x004)
    intercept_exceptions: u32 = at(0x008)
    intercept3: Intercept3 = at(0x00C)
    intercept4: Intercept4 = at(0x010)
    io_permissions: u64 = at(0x040)
    msr_permissions: u64 = at(0x048)
    tsc_offset: u64 = at(0x050)
    asid: u32 = at(0x058)
    tlb_control: u8 = at(0x05C)
    virtual_interrupt: u64 = at(0x060)
    interrupt_shadow: u64 = at(0x068)
    exit_code: ExitCode = at(0x070)
    exit_info1: u64 = at(0x078)
    exit_info2: u64 = at(0x080)
    exit_interrupt_info: u64 = at(0x088)
    nested_paging: u64 = at(0x090)
    event_injection: u64 = at(0x0A8)
    nested_cr3: u64 = at(0x0B0)
    clean_bits: u32 = at(0x0C0)
    next_rip: u64 = at(0x0C8)
    es: Segment = at(0x400)
    cs: Segment = at(0x410)
    ss: Segment = at(0x420)
    ds: Segment = at(0x430)
    fs: Segment = at(0x440)
    gs: Segment = at(0x450)
    gdtr: Segment = at(0x460)
    ldtr: Segment = at(0x470)
    idtr: Segment = at(0x480)
    tr: Segment = at(0x490)
    cpl: u8 = at(0x4CB)
    efer: u64 = at(0x4D0)
    cr4: u64 = at(0x548)
    cr3: u64 = at(0x550)
    cr0: u64 = at(0x558)
    dr7: u64 = at(0x560)
    dr6: u64 = at(0x568)
    rflags: u64 = at(0x570)
    rip: u64 = at(0x578)
    rsp: u64 = at(0x5D8)
    rax: u64 = at(0x5F8)
    star: u64 = at(0x600)
    lstar: u64 = at(0x608)
    cstar: u64 = at(0x610)
    sfmask: u64 = at(0x618)
    kernel_gs_base: u64 = at(0x620)
    sysenter_cs: u64 = at(0x628)
    sysenter_esp: u64 = at(0x630)
    sysenter_eip: u64 = at(0x638)
    cr2: u64 = at(0x640)
    g_pat: u64 = at(0x668)


assert sizeof(Segment) == 16
assert sizeof(Vmcb) == 0x1000
assert offsetof(Vmcb, "rax") == 0x5F8

SEGMENT_CODE_64 = 0xA9B
"""Present, code, readable, accessed, long: the descriptor's bits 40-47 and 52-55."""
SEGMENT_CODE_32 = 0xC9B
SEGMENT_DATA = 0xC93
SEGMENT_USER = 0x060
"""To be added to the attributes of a segment for ring 3."""
SEGMENT_TASK = 0x08B
SEGMENT_LIMIT = 0xFFFF_FFFF
TASK_LIMIT = 0x67
PAT_RESET = 0x0007_0406_0007_0406

INJECT_DEBUG = 1 << 31 | 3 << 8 | 1
INJECT_INVALID_OPCODE = 1 << 31 | 3 << 8 | 6
INJECT_GENERAL_PROTECTION = 1 << 31 | 1 << 11 | 3 << 8 | 13
"""Exceptions for the guest, the last with an error code of zero (15.20)."""


NESTED_FAULT_WRITE = 1 << 1
NESTED_FAULT_EXECUTE = 1 << 4

MSR_MAP_SIZE = 0x2000
"""The MSR permission map: two bits (read, write) for each MSR of three ranges (15.11)."""
MSR_MAP_RANGES = ((0x0000_0000, 0x0000), (0xC000_0000, 0x0800), (0xC001_0000, 0x1000))
"""(first MSR, its byte offset in the map); each range holds 0x2000 MSRs."""
IO_MAP_SIZE = 0x3000
"""The I/O permission map: one bit for each port, and three more beyond the last (15.10.1)."""


class SavedRegisters(Struct):
    """The guest's registers that VMRUN does not switch."""

    rbx: u64
    rcx: u64
    rdx: u64
    rsi: u64
    rdi: u64
    rbp: u64
    numbered: Array[u64, 8]  # r8 to r15
