"""A sandbox's control block (VMCB), as its monitor has filled it in (APM vol. 2, appendix B).

Of the control area, tables B-1 to B-4, every byte is accounted for: it has one value, or it is
where the processor says why the guest was left. The state save area behind it holds the guest's
own registers, which are the guest's to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from questv.audit.model import TableEntry, Violation

CONTROL_AREA = 0x400
_EFER = 0x4D0
_SVM_ENABLE = 1 << 12
_CR0 = 1 << 5
_XSETBV = 1 << 13
_INVALID_OPCODE = 0x8000_0306  # events to inject (15.20)
_PROTECTION = 0x8000_0B0D  # with an error code of zero
_EVENT_VALID = 1 << 31  # without it nothing is injected, whatever else is there (15.20)

INTERCEPTS_3 = {
    1: "NMI",
    2: "SMI",
    3: "INIT",
    5: "writes of CR0 that change more than TS and MP",
    19: "RSM",
    22: "INVD",
    26: "INVLPGA",
    27: "I/O by the permission map",
    28: "MSRs by the permission map",
    30: "FERR_FREEZE",
    31: "shutdown",
}
"""Bits at 0x00C: what would disturb others, what makes the permission maps count, and what a kernel
of ours has no need of: QEMU's monitors lose their paging by it."""

INTERCEPTS_4 = {
    0: "VMRUN",
    1: "VMMCALL",
    2: "VMLOAD",
    3: "VMSAVE",
    4: "STGI",
    5: "CLGI",
    6: "SKINIT",
    9: "WBINVD",
    10: "MONITOR",
    11: "MWAIT",
    12: "MWAIT if armed",
    13: "XSETBV",
}
"""Bits at 0x010: what commands the processor below the guest, or all its caches."""

EXCEPTIONS = {1: "#DB", 17: "#AC", 18: "#MC"}
"""Bits at 0x008: what a guest could raise for ever, and an error of the hardware."""


@dataclass(frozen=True)
class Field:
    """``size`` bytes at ``offset``, and the values that they may have, where ``mask`` has bits.

    Values that are ``harmless`` as a whole are right as well.
    """

    offset: int
    size: int
    name: str
    allowed: tuple[int, ...]
    mask: int = (1 << 64) - 1
    harmless: tuple[int, ...] = ()


STATE = {
    0x068: (8, "interrupt shadow"),
    0x070: (8, "exit code"),
    0x078: (8, "exit information 1"),
    0x080: (8, "exit information 2"),
    0x088: (8, "interrupt that was being delivered"),
    0x0C8: (8, "address of the next instruction"),
    0x0D0: (16, "bytes of the instruction"),
}
"""What the processor writes at an exit. None of it decides what a guest may do."""


def fields(
    nested_tables: tuple[int, ...],
    msr_map: int,
    io_map: int,
    *,
    clock: int = 0,
    is_foreign: bool = False,
) -> list[Field]:
    """All fields that have values of their own; every other byte but ``STATE`` is zero.

    The ``nested_tables`` are those that may be in force: a standby's change at a takeover.

    ``clock`` is how far the core's time-stamp counter is ahead of that of the core that booted.

    A foreign kernel may turn its own paging on and off, and set XCR0, which is of no use on another
    core. Monitors refuse a hypercall from user mode by an exception, and foreign kernels MSRs, too.
    """
    intercepts3 = _bits(INTERCEPTS_3) & ~(_CR0 if is_foreign else 0)
    intercepts4 = _bits(INTERCEPTS_4) & ~(_XSETBV if is_foreign else 0)
    exceptions = (_INVALID_OPCODE, *((_PROTECTION,) if is_foreign else ()))
    return [
        Field(0x000, 4, "intercepts of control registers", (0,)),
        Field(0x004, 4, "intercepts of debug registers", (0,)),
        Field(0x008, 4, "intercepts of exceptions", (_bits(EXCEPTIONS),)),
        Field(0x00C, 4, "intercepts at 0x00C", (intercepts3,)),
        Field(0x010, 4, "intercepts at 0x010", (intercepts4,)),
        Field(0x014, 4, "intercepts at 0x014", (0,)),
        Field(0x040, 8, "address of the I/O map", (io_map,)),
        Field(0x048, 8, "address of the MSR map", (msr_map,)),
        Field(0x050, 8, "offset of the time-stamp counter", (-clock & (1 << 64) - 1,)),
        Field(0x058, 4, "address space (ASID)", (1,)),
        Field(0x05C, 1, "flush of translations", (0, 1)),  # all, at the first entry
        Field(0x060, 8, "virtual interrupts", (0,)),
        Field(0x090, 8, "nested paging and encryption", (1,)),
        Field(0x098, 8, "address of a virtual APIC", (0,)),
        Field(0x0A8, 8, "event to inject", (0,), _EVENT_VALID, exceptions),
        Field(0x0B0, 8, "address of the nested tables", nested_tables),
        Field(0x0B8, 8, "virtualization of branch records, VMLOAD and VMSAVE", (0,)),
        Field(0x0C0, 4, "clean bits", (0,)),
        Field(0x0E0, 8, "address of a virtual APIC's page", (0,)),
    ]


def check_control(who: str, block: bytes, at: int, wanted: list[Field]) -> Iterator[Violation]:
    """Everything in the control block at ``at`` that is not as it must be for sandbox ``who``."""
    known = bytearray(CONTROL_AREA)
    for field in wanted:
        known[field.offset : field.offset + field.size] = b"\1" * field.size
        value = int.from_bytes(block[field.offset : field.offset + field.size], "little")
        if value & field.mask not in field.allowed and value not in field.harmless:
            yield Violation(
                who,
                f"the control block of '{who}' has {field.name} = {value:#x}{_lost(field, value)}",
                " or ".join(f"{allowed:#x}" for allowed in field.allowed),
                at,
                entry=TableEntry(at, field.offset // 8, _word(block, field.offset)),
            )
    for offset, (size, _) in STATE.items():
        known[offset : offset + size] = b"\1" * size
    for offset in range(CONTROL_AREA):
        if not known[offset] and block[offset]:
            yield Violation(
                who,
                f"the control block of '{who}' has {block[offset]:#x} at {offset:#05x}",
                "zero, as in all that is reserved or not used",
                at,
                entry=TableEntry(at, offset // 8, _word(block, offset)),
            )
    efer = int.from_bytes(block[_EFER : _EFER + 8], "little")
    if not efer & _SVM_ENABLE:
        yield Violation(
            who,
            f"the control block of '{who}' has EFER = {efer:#x}, with which it can't be entered",
            "SVME set (APM vol. 2, 15.5.1)",
            at,
        )


def _lost(field: Field, value: int) -> str:
    """The intercepts that are missing, by their names."""
    lost = field.allowed[0] & ~value
    missing = [name for bit, name in _NAMES.get(field.offset, {}).items() if lost >> bit & 1]
    return f", without {', '.join(missing)}" if missing else ""


_NAMES: Mapping[int, Mapping[int, str]] = {
    0x008: EXCEPTIONS,
    0x00C: INTERCEPTS_3,
    0x010: INTERCEPTS_4,
}


def _bits(names: Mapping[int, str]) -> int:
    return sum(1 << bit for bit in names)


def _word(block: bytes, offset: int) -> int:
    return int.from_bytes(block[offset // 8 * 8 :][:8], "little")
