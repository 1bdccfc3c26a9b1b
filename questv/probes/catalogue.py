"""All probes: what each guest does, and how it has to end.

Plain Python: the code on the machine is made from it, and so is what people are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from questv.arch.x86.apic import (
    COMMAND_ASSERT,
    COMMAND_INIT,
    X2APIC_MSR_BASE,
    XAPIC_ADDRESS,
    ApicRegister,
)
from questv.arch.x86.registers import APIC_BASE_ENABLE, APIC_BASE_X2APIC, Msr
from questv.arch.x86.svm import ExitCode
from questv.metal.lang import u8
from questv.metal.structs import width

# The guest's memory: pages that it has whole, and pages that lack one right.
READ_ONLY, NOT_EXECUTABLE, SCRATCH, ABSENT = 0x2000, 0x3000, 0x4000, 0x6000
CODE = 0x8000
CODE_SIZE = 0x4000
TABLES = 0x1_0000
"""The guest's own page tables."""

VECTOR = 0x40
"""Of the interrupts that a guest is sent."""


@width(u8)
class Mode(IntEnum):
    """What the guest's processor is in."""

    REAL = 0
    PROTECTED = 1
    PAGED = 2
    PAE = 3
    LONG = 4
    USER = 5

    @property
    def bits(self) -> int:
        """The width of its code."""
        return {Mode.REAL: 16, Mode.LONG: 64}.get(self, 32)

    @property
    def words(self) -> str:
        """For people."""
        return _MODES[self]


_MODES = {
    Mode.REAL: "real mode",
    Mode.PROTECTED: "32 bits, no paging",
    Mode.PAGED: "32 bits, paging",
    Mode.PAE: "32 bits, PAE",
    Mode.LONG: "64 bits",
    Mode.USER: "32 bits, ring 3",
}


@width(u8)
class Place(IntEnum):
    """Where the guest has to stand when it ends."""

    INSTRUCTION = 0  # at the instruction that is probed
    AFTER = 1  # behind it
    HANDLER = 2  # at the handler of its interrupts
    ANYWHERE = 3


@width(u8)
class Before(IntEnum):
    """What the core does before it enters the guest."""

    NOTHING = 0
    ARM_TIMER = 1  # for an interrupt in a moment
    ARM_NMI = 2  # the same, for an NMI
    SEND_INTERRUPT = 3  # to itself, so that it waits for the guest
    SEND_NMI = 4
    SEND_SMI = 5
    SEND_INIT = 6
    TAKE_EXIT = 7  # send an NMI, enter the guest, and leave it at that
    OPEN_WINDOW = 8  # the same, and take the NMI then


@width(u8)
class Apic(IntEnum):
    """Machines that the probe is for."""

    ANY = 0
    X2APIC = 1
    XAPIC = 2


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One guest: ``setup`` and then ``code``, which is what is probed, in ``mode``.

    It has to end with ``exit`` at ``place``; ``passes`` if the point is that it is *not* stopped.
    A nested page fault has to name ``fault``, an address, and ``kind``, the access. ``control`` is
    how the guest ends where nobody stops it, for events that an emulator may not have at all.
    ``msrs`` are pairs of an MSR and ``r``, ``w`` or ``rw`` that it may access, ``ports`` likewise.
    ``written`` is an MSR that it is to write: it finds the value that was there in SCRATCH.

    ``follows`` is what it means if the probe does not hold; ``needed`` whether isolation rests on
    it; ``known`` how the project lives with a machine where it does not hold; ``untestable`` why it
    can't be tried.
    """

    group: str
    name: str
    follows: str
    mode: Mode = Mode.LONG
    setup: str = ""
    code: str = ""
    exit: ExitCode = ExitCode.VMMCALL
    place: Place = Place.INSTRUCTION
    passes: bool = False
    fault: int = 0
    kind: str = ""
    control: ExitCode | None = None
    before: Before = Before.NOTHING
    apic: Apic = Apic.ANY
    msrs: tuple[tuple[int, str], ...] = ()
    ports: tuple[int, ...] = ()
    written: int = 0
    tsc_offset: int = 0
    needed: bool = True
    known: str = ""
    untestable: str = ""


_INTERCEPTS = "intercepts"
_PAGING = "nested paging"
_MSRS = "MSR map"
_PORTS = "I/O map"
_INTERRUPTS = "interrupts"
_TIME = "time"

_OWN_CORE = "a kernel could do this to its own core, past its monitor"
_TAKEOVER = "a kernel could run or read what it likes, past its view"
_VIEW = "a kernel reaches memory outside its view"
_MSR_ACCESS = "a kernel reaches MSRs that its plan does not give it"
_PORT_ACCESS = "a kernel reaches devices that its plan does not give it"
_EXITS = "each costs an exit; isolation holds"
_NO_NMI = "a core that hangs can't be stopped, and the run does not end"


def _instructions() -> Iterator[Probe]:
    each = (
        ("RSM", "rsm", ExitCode.RSM, "nothing: outside of SMM it is no instruction", False),
        ("INVD", "invd", ExitCode.INVD, "a kernel could drop what others have written", True),
        ("WBINVD", "wbinvd", ExitCode.WBINVD, "a kernel could slow all others down", True),
        ("INVLPGA", "invlpga rax, ecx", ExitCode.INVLPGA, _OWN_CORE, True),
        ("VMRUN", "vmrun rax", ExitCode.VMRUN, _TAKEOVER, True),
        ("VMLOAD", "vmload rax", ExitCode.VMLOAD, _TAKEOVER, True),
        ("VMSAVE", "vmsave rax", ExitCode.VMSAVE, _TAKEOVER, True),
        ("STGI", "stgi", ExitCode.STGI, _OWN_CORE, True),
        ("CLGI", "clgi", ExitCode.CLGI, _NO_NMI, True),
        ("SKINIT", "skinit eax", ExitCode.SKINIT, _TAKEOVER, True),
        ("MONITOR", "monitor", ExitCode.MONITOR, _OWN_CORE, False),
        ("MWAIT", "mwait", ExitCode.MWAIT, _OWN_CORE, False),
        ("XSETBV", "xsetbv", ExitCode.XSETBV, _OWN_CORE, True),
        ("VMMCALL", "vmmcall", ExitCode.VMMCALL, "a kernel can't call its monitor", True),
        ("MOV to CR0", "mov cr0, rax", ExitCode.CR0_SELECTIVE_WRITE, _OWN_CORE, True),
    )
    setups = {
        "XSETBV": "xor ecx, ecx; xor edx, edx; mov eax, 1",
        "MOV to CR0": "mov rax, cr0; btc eax, 16",  # WP: TS and MP are let through
    }
    for name, code, exit, follows, needed in each:
        setup = setups.get(name, f"mov eax, {SCRATCH}; xor ecx, ecx; xor edx, edx")
        yield Probe(
            group=_INTERCEPTS, name=name, setup=setup, code=code, exit=exit, follows=follows,
            needed=needed,
        )  # fmt: skip


def _events() -> Iterator[Probe]:
    yield Probe(
        group=_INTERCEPTS, name="SHUTDOWN, after a triple fault", mode=Mode.REAL, code="int3",
        exit=ExitCode.SHUTDOWN, place=Place.ANYWHERE,
        follows="a kernel resets the whole machine",
    )  # fmt: skip
    yield Probe(
        group=_INTERCEPTS, name="#DB, in a single step", mode=Mode.REAL,
        setup="pushf; pop ax; or ax, 0x100; push ax; popf", code="nop",
        exit=ExitCode.EXCEPTION_DEBUG, place=Place.AFTER,
        control=ExitCode.SHUTDOWN,
        follows="a kernel could keep its core in a delivery without end, deaf to NMIs",
    )  # fmt: skip
    yield Probe(
        group=_INTERCEPTS, name="#AC, in ring 3", mode=Mode.USER,
        code=f"mov eax, [{SCRATCH + 1}]", exit=ExitCode.EXCEPTION_ALIGNMENT,
        control=ExitCode.SHUTDOWN,
        follows="a kernel could keep its core in a delivery without end, deaf to NMIs",
    )  # fmt: skip
    yield Probe(
        group=_INTERCEPTS, name="#MC",
        follows="a machine check in a kernel is the kernel's, not the monitor's",
        untestable="a machine check can't be caused from inside the machine",
        needed=False,
    )  # fmt: skip
    yield Probe(
        group=_INTERCEPTS, name="FERR_FREEZE", mode=Mode.REAL,
        setup=f"fninit; mov word ptr [{SCRATCH}], 0x37B; fldcw [{SCRATCH}]; fld1; fldz; fdivp",
        code="fwait", exit=ExitCode.FERR_FREEZE,
        follows="a kernel could freeze its own core, where a processor does freeze",
        needed=False,
    )  # fmt: skip


def _paging() -> Iterator[Probe]:
    for mode in (Mode.REAL, Mode.PROTECTED, Mode.PAGED, Mode.PAE, Mode.LONG):
        place = f"in {mode.words}"
        page = "ax" if mode is Mode.REAL else "rax" if mode is Mode.LONG else "eax"
        yield Probe(
            group=_PAGING, name=f"a read outside the view, {place}", mode=mode,
            code=f"mov al, byte ptr [{ABSENT}]", exit=ExitCode.NESTED_PAGE_FAULT, fault=ABSENT,
            kind="r", follows=_VIEW,
        )  # fmt: skip
        yield Probe(
            group=_PAGING, name=f"a write to read-only memory, {place}", mode=mode,
            code=f"mov byte ptr [{READ_ONLY}], al", exit=ExitCode.NESTED_PAGE_FAULT,
            fault=READ_ONLY, kind="w", follows=_VIEW,
        )  # fmt: skip
        yield Probe(
            group=_PAGING, name=f"execution of data, {place}", mode=mode,
            setup=f"mov {page}, {NOT_EXECUTABLE}", code=f"jmp {page}",
            exit=ExitCode.NESTED_PAGE_FAULT, place=Place.ANYWHERE, fault=NOT_EXECUTABLE, kind="x",
            follows="a kernel could run its data; it stays within its view",
        )  # fmt: skip
    for mode in (Mode.PAGED, Mode.PAE, Mode.LONG):
        register = "rax" if mode is Mode.LONG else "eax"
        yield Probe(
            group=_PAGING, name=f"own page tables outside the view, in {mode.words}", mode=mode,
            setup=f"mov {register}, {ABSENT}; mov cr3, {register}", code="nop",
            exit=ExitCode.NESTED_PAGE_FAULT, place=Place.ANYWHERE, fault=ABSENT, follows=_VIEW,
        )  # fmt: skip
    for access, code in (("r", "mov eax, [{}]"), ("w", "mov [{}], eax")):
        number = ApicRegister.ID if access == "r" else ApicRegister.COMMAND
        address = XAPIC_ADDRESS + 16 * int(number)
        yield Probe(
            group=_PAGING, mode=Mode.PROTECTED,
            name=f"a {'read' if access == 'r' else 'write'} of the local APIC's page",
            setup="xor eax, eax", code=code.format(f"{address:#x}"),
            exit=ExitCode.NESTED_PAGE_FAULT, fault=address, kind=access,
            follows="a kernel commands other cores",
        )  # fmt: skip


@dataclass(frozen=True)
class _Access:
    """Code that reads an MSR, or writes it with what was there; ``high`` is rcx's upper half."""

    number: int
    right: str
    high: int = 0

    @property
    def verb(self) -> str:
        return {"r": "read", "w": "write"}[self.right]

    @property
    def setup(self) -> str:
        number = f"mov rcx, {self.high << 32 | self.number:#x}"
        load = f"mov eax, [{SCRATCH}]; mov edx, [{SCRATCH + 4}]"
        return number if self.right == "r" else f"{load}; {number}"

    @property
    def code(self) -> str:
        return {"r": "rdmsr", "w": "wrmsr"}[self.right]

    @property
    def written(self) -> int:
        return self.number if self.right == "w" else 0


_KERNEL_GS_BASE = 0xC000_0102


def _maps() -> Iterator[Probe]:
    for number in (Msr.APIC_BASE, _KERNEL_GS_BASE, Msr.VM_CR):
        for right, other in ("rw", "wr"):
            access = _Access(int(number), right)
            yield Probe(
                group=_MSRS, name=f"a {access.verb} of {access.number:#x} is denied",
                setup=access.setup, code=access.code, written=access.written,
                msrs=((number, other),), exit=ExitCode.MSR, follows=_MSR_ACCESS,
            )  # fmt: skip
            yield Probe(
                group=_MSRS, name=f"a {access.verb} of {access.number:#x} is allowed",
                setup=access.setup, code=access.code, written=access.written,
                msrs=((number, right),), place=Place.AFTER, passes=True, follows=_EXITS,
                needed=False,
            )  # fmt: skip
    for right in "rw":
        access = _Access(0x4000_0000, right)
        yield Probe(
            group=_MSRS, name=f"a {access.verb} outside of the map is denied", setup=access.setup,
            code=access.code, exit=ExitCode.MSR, follows=_MSR_ACCESS,
        )  # fmt: skip
        for high in (1, 2, 3):
            access = _Access(int(Msr.APIC_BASE), right, high)
            yield Probe(
                group=_MSRS,
                name=f"a {access.verb} is denied with {high} in the upper half of rcx",
                setup=access.setup, code=access.code, written=access.written, exit=ExitCode.MSR,
                known="the maps lie where QEMU finds guards behind them, as each boot probes",
                follows="QEMU looks behind the map, where a zero lets a kernel pass: with an "
                "x2APIC it can stop other cores",
            )  # fmt: skip
    for setup, code, what, ports in (
        ("", "out 0x70, al", "a write of a closed port", ()),
        ("", "in al, 0x70", "a read of a closed port", ()),
        (f"mov rsi, {SCRATCH}; mov dx, 0x70", "outsb", "a string's write to a closed port", ()),
        (f"mov rdi, {SCRATCH}; mov dx, 0x70", "insb", "a string's read of a closed port", ()),
        ("", "in ax, 0x80", "access to two ports, the second closed", (0x80,)),
        (
            "mov dx, 0xFFFE",
            "in eax, dx",
            "access to four ports, beyond the last",
            (0xFFFE, 0xFFFF),
        ),
    ):
        yield Probe(
            group=_PORTS, name=what, setup=setup, code=code, ports=ports,
            exit=ExitCode.IO, follows=_PORT_ACCESS,
        )  # fmt: skip
    for code, what in (("out 0x80, al", "write"), ("in al, 0x80", "read")):
        yield Probe(
            group=_PORTS, name=f"a {what} of an open port", code=code, ports=(0x80,),
            place=Place.AFTER, passes=True, follows=_EXITS, needed=False,
        )  # fmt: skip


def _x2apic() -> Iterator[Probe]:
    own, command = X2APIC_MSR_BASE + ApicRegister.ID, X2APIC_MSR_BASE + ApicRegister.COMMAND
    yield Probe(
        group=_MSRS, name="an x2APIC's register is read directly", apic=Apic.X2APIC,
        setup=f"mov ecx, {own:#x}", code="rdmsr", msrs=((own, "r"),), place=Place.AFTER,
        passes=True, follows=_EXITS, needed=False,
    )  # fmt: skip
    yield Probe(
        group=_MSRS, name="an x2APIC's command is denied", apic=Apic.X2APIC,
        setup=f"mov ecx, {command:#x}; mov edx, 63; mov eax, {COMMAND_INIT | COMMAND_ASSERT:#x}",
        code="wrmsr", msrs=((command, "r"),), exit=ExitCode.MSR,
        follows="a kernel commands other cores",
    )  # fmt: skip
    mode = APIC_BASE_ENABLE | APIC_BASE_X2APIC
    yield Probe(
        group=_MSRS, name="x2APIC mode can't be set where there is none", apic=Apic.XAPIC,
        setup=f"mov ecx, {int(Msr.APIC_BASE):#x}; mov eax, {XAPIC_ADDRESS | mode:#x}; xor edx, edx",
        code="wrmsr", msrs=((int(Msr.APIC_BASE), "rw"),), exit=ExitCode.SHUTDOWN,
        place=Place.ANYWHERE, needed=False,
        follows="an image may meet an x2APIC that its boot has not found",
    )  # fmt: skip
    number = X2APIC_MSR_BASE + ApicRegister.SELF_INTERRUPT
    yield Probe(
        group=_INTERRUPTS, name="an interrupt to itself, by an x2APIC's register", mode=Mode.REAL,
        apic=Apic.X2APIC,
        setup=f"mov ecx, {number:#x}; mov eax, {VECTOR}; xor edx, edx; wrmsr; sti",
        code="nop; hlt", msrs=((number, "w"),), place=Place.HANDLER, passes=True, follows=_EXITS,
        needed=False,
    )  # fmt: skip
    timer = X2APIC_MSR_BASE + ApicRegister.TIMER
    count = X2APIC_MSR_BASE + ApicRegister.TIMER_INITIAL
    yield Probe(
        group=_INTERRUPTS, name="an x2APIC's timer, armed by the guest", mode=Mode.REAL,
        apic=Apic.X2APIC,
        setup=f"mov ecx, {timer:#x}; mov eax, {VECTOR}; xor edx, edx; wrmsr; "
        f"mov ecx, {count:#x}; mov eax, 50000; wrmsr; sti",
        code="hlt", msrs=((timer, "w"), (count, "w")), place=Place.HANDLER, passes=True,
        follows=_EXITS, needed=False,
    )  # fmt: skip


def _interrupts() -> Iterator[Probe]:
    for name, before in (
        ("the timer's interrupt reaches the guest without an exit", Before.ARM_TIMER),
        ("an interprocessor interrupt reaches the guest without an exit", Before.SEND_INTERRUPT),
    ):
        yield Probe(
            group=_INTERRUPTS, name=name, mode=Mode.REAL, setup="sti", code="nop; hlt",
            before=before, place=Place.HANDLER, passes=True, follows=_EXITS, needed=False,
        )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="an NMI that waits ends the guest at once", code="nop",
        before=Before.SEND_NMI, exit=ExitCode.NMI, follows=_NO_NMI,
    )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="an NMI wakes a guest that halts with interrupts off", code="hlt",
        before=Before.ARM_NMI, exit=ExitCode.NMI, place=Place.AFTER, follows=_NO_NMI,
    )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="an NMI stays pending after its exit", code="nop",
        before=Before.TAKE_EXIT, exit=ExitCode.NMI, needed=False,
        follows="a monitor's window for it stays empty",
    )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="a window of the monitor takes the NMI", code="nop",
        before=Before.OPEN_WINDOW, place=Place.AFTER, passes=True,
        follows="a kernel that an NMI ended can't go on",
    )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="an SMI ends the guest", code="nop", before=Before.SEND_SMI,
        exit=ExitCode.SMI, follows="an SMI runs whatever lies where the firmware has no handler",
    )  # fmt: skip
    yield Probe(
        group=_INTERRUPTS, name="an INIT ends the guest", code="nop", before=Before.SEND_INIT,
        exit=ExitCode.INIT,
        known="guarded kernels may not send one, and direct kernels are trusted not to",
        follows="a core that is sent an INIT is gone, and its monitor with it",
    )  # fmt: skip


_OFFSET = 1 << 50


def _time() -> Iterator[Probe]:
    yield Probe(
        group=_TIME, name="tsc_offset shifts the guest's clock", code="rdtsc", place=Place.AFTER,
        passes=True, tsc_offset=_OFFSET, needed=False,
        follows="clocks that differ from core to core can't be tested",
    )  # fmt: skip


# An INIT may start the whole machine again, and an SMI run what nobody wrote: these come last.
_ORDER = (_INTERCEPTS, _PAGING, _MSRS, _PORTS, _TIME, _INTERRUPTS)

PROBES: tuple[Probe, ...] = tuple(
    sorted(
        (*_instructions(), *_events(), *_paging(), *_maps(), *_x2apic(), *_time(), *_interrupts()),
        key=lambda probe: _ORDER.index(probe.group),
    )
)
