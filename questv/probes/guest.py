"""The guest of a probe: its memory, its maps and its registers."""

from __future__ import annotations

from questv.arch.x86 import svm
from questv.arch.x86.apic import XAPIC_ADDRESS
from questv.arch.x86.instructions import read_msr
from questv.arch.x86.paging import (
    ACCESSED,
    DIRTY,
    ENTRIES,
    HUGE_PAGE_SIZE,
    LARGE,
    NO_EXECUTE,
    PAGE_SIZE,
    PRESENT,
    USER,
    WRITABLE,
)
from questv.arch.x86.registers import RFLAGS_ALIGNMENT_CHECK, RFLAGS_FIXED, Cr0, Cr4, Efer
from questv.arch.x86.svm import (
    ExitCode,
    Intercept3,
    Intercept4,
    SavedRegisters,
    Vmcb,
)
from questv.arch.x86.svm_guest import confine, real_mode
from questv.metal.lang import (
    Array,
    addr,
    clear,
    constant,
    external,
    metal,
    module_assembly,
    static,
    u8,
    u16,
    u32,
    u64,
)
from questv.metal.structs import Struct
from questv.monitor.svm import INTERCEPTED_EXCEPTIONS, INTERCEPTS3, INTERCEPTS4
from questv.plan.permissions import msr_place
from questv.probes import code
from questv.probes.catalogue import (
    ABSENT,
    CODE,
    CODE_SIZE,
    NOT_EXECUTABLE,
    PROBES,
    READ_ONLY,
    SCRATCH,
    TABLES,
    Mode,
)

_TABLE = PRESENT | WRITABLE | USER
_PAGE = PRESENT | USER | ACCESSED | DIRTY
_WHOLE = _PAGE | WRITABLE
_VMMCALL = (0x0F, 0x01, 0xD9)
_MSRS, _PORTS = 2, 2  # at most, for one probe


class Pages(Struct):
    """Everything that wants pages of its own."""

    control: Vmcb
    host_save: Array[u8, PAGE_SIZE]
    nested: Array[Array[u64, ENTRIES], 4]  # page tables, from the top one down
    msr_map: Array[u8, svm.MSR_MAP_SIZE]
    io_map: Array[u8, svm.IO_MAP_SIZE]
    data: Array[u8, PAGE_SIZE]  # to be read only, and not to be executed
    scratch: Array[u64, ENTRIES]  # the guest's own, its stack at the end
    tables: Array[Array[u64, ENTRIES], 5]  # the guest's own page tables, for three modes


pages: Pages = external("probes_pages")
registers: SavedRegisters = static()

module_assembly(
    f"""
.section .bss.probes_pages,"aw",@nobits
.p2align 12
.globl probes_pages
probes_pages: .skip {Pages.__metal_type__.size}
"""
)

MODES: Array[u8, len(PROBES)] = constant([probe.mode for probe in PROBES])
EXITS: Array[u64, len(PROBES)] = constant([probe.exit for probe in PROBES])
PASSES: Array[u8, len(PROBES)] = constant([int(probe.passes) for probe in PROBES])
OFFSETS: Array[u64, len(PROBES)] = constant([probe.tsc_offset for probe in PROBES])


def _msr_openings() -> list[tuple[int, int]]:
    """For each probe: bytes of the map, and the bits of them to clear."""
    made = []
    for probe in PROBES:
        assert len(probe.msrs) <= _MSRS
        each = []
        for number, rights in probe.msrs:
            at, bit = msr_place(number)
            each.append((at, (("r" in rights) | ("w" in rights) << 1) << bit))
        made += each + [(0, 0)] * (_MSRS - len(each))
    return made


def _port_openings() -> list[tuple[int, int]]:
    made = []
    for probe in PROBES:
        assert len(probe.ports) <= _PORTS
        each = [(port // 8, 1 << port % 8) for port in probe.ports]
        made += each + [(0, 0)] * (_PORTS - len(each))
    return made


MSR_AT: Array[u32, len(PROBES) * _MSRS] = constant([at for at, _ in _msr_openings()])
MSR_BITS: Array[u8, len(PROBES) * _MSRS] = constant([bits for _, bits in _msr_openings()])
WRITTEN: Array[u32, len(PROBES)] = constant([probe.written for probe in PROBES])
PORT_AT: Array[u32, len(PROBES) * _PORTS] = constant([at for at, _ in _port_openings()])
PORT_BITS: Array[u8, len(PROBES) * _PORTS] = constant([bits for _, bits in _port_openings()])


@metal
def prepare(number: u32, weak: bool) -> None:
    """Lay the guest of a probe out, as a monitor would; ``weak`` as one that does its job badly.

    A weak guest that has to be stopped is not, and one that has to pass is stopped.
    """
    guest = pages.control
    clear(guest)
    clear(registers)
    passes = PASSES[number] != 0
    open = weak and not passes
    _set_intercepts(guest, number, weak, passes)
    _show_memory(open)
    _fill_maps(number, open, weak and passes)
    confine(guest, addr(pages.nested), addr(pages.msr_map), addr(pages.io_map))
    guest.tsc_offset = 0 if weak else OFFSETS[number]
    real_mode(guest, code.starts[number])
    guest.rsp = SCRATCH + PAGE_SIZE
    guest.idtr.base = CODE + addr(code.interrupt_table) - addr(code.code)
    guest.idtr.limit = 0xFFFF if Mode(MODES[number]) == Mode.REAL and passes else 0
    _set_mode(guest, Mode(MODES[number]))
    if WRITTEN[number] != 0:
        pages.scratch[0] = read_msr(WRITTEN[number])


@metal
def _set_intercepts(guest: Vmcb, number: u32, weak: bool, passes: bool) -> None:
    guest.intercept_exceptions = INTERCEPTED_EXCEPTIONS
    guest.intercept3 = INTERCEPTS3
    guest.intercept4 = INTERCEPTS4
    if not weak:
        return
    if passes:
        guest.intercept3 = INTERCEPTS3 | Intercept3.INTR
        return
    # The ways back are kept, unless one of them is what is probed.
    guest.intercept_exceptions = 0
    guest.intercept3 = Intercept3.SHUTDOWN
    guest.intercept4 = Intercept4.VMRUN | Intercept4.VMMCALL
    match ExitCode(EXITS[number]):
        case ExitCode.SHUTDOWN:
            guest.intercept3 = Intercept3(0)
        case ExitCode.VMRUN:
            guest.intercept4 = Intercept4.VMMCALL
        case ExitCode.VMMCALL:
            guest.intercept4 = Intercept4.VMRUN
        case _:
            pass


@metal
def _show_memory(open: bool) -> None:
    """Nested tables: all pages whole, but for the two that lack a right and the absent one."""
    clear(pages.nested)
    clear(pages.data)
    for i in range(u64(3)):
        pages.nested[i][0] = addr(pages.nested[i + 1]) | _TABLE
    pages.data[0] = _VMMCALL[0]
    pages.data[1] = _VMMCALL[1]
    pages.data[2] = _VMMCALL[2]
    _show(SCRATCH, addr(pages.scratch) | _WHOLE)
    for i in range(u64(CODE_SIZE // PAGE_SIZE)):
        _show(CODE + i * PAGE_SIZE, addr(code.code) + i * PAGE_SIZE | _WHOLE)
    for i in range(u64(5)):
        _show(TABLES + i * PAGE_SIZE, addr(pages.tables[i]) | _WHOLE)
    if open:
        _show(READ_ONLY, addr(pages.data) | _WHOLE)
        _show(NOT_EXECUTABLE, addr(pages.data) | _WHOLE)
        _show(ABSENT, addr(pages.tables[0]) | _WHOLE)
        pages.nested[1][XAPIC_ADDRESS // HUGE_PAGE_SIZE] = (
            XAPIC_ADDRESS // HUGE_PAGE_SIZE * HUGE_PAGE_SIZE | _WHOLE | LARGE
        )
    else:
        _show(READ_ONLY, addr(pages.data) | _PAGE)
        _show(NOT_EXECUTABLE, addr(pages.data) | _WHOLE | NO_EXECUTE)


@metal
def _show(address: u64, entry: u64) -> None:
    pages.nested[3][address // PAGE_SIZE] = entry


@metal
def _fill_maps(number: u32, open: bool, closed: bool) -> None:
    filling: u8 = 0 if open else 0xFF
    for i in range(u64(svm.MSR_MAP_SIZE)):
        pages.msr_map[i] = filling
    for i in range(u64(svm.IO_MAP_SIZE)):
        pages.io_map[i] = filling
    if closed:
        return
    for place in range(number * _MSRS, number * _MSRS + _MSRS):
        pages.msr_map[MSR_AT[place]] &= ~MSR_BITS[place]
    for place in range(number * _PORTS, number * _PORTS + _PORTS):
        pages.io_map[PORT_AT[place]] &= ~PORT_BITS[place]


# ---- modes ------------------------------------------------------------------------------------


@metal
def _set_mode(guest: Vmcb, mode: Mode) -> None:
    """Change a guest in real mode to another one; all show the same memory at the same place."""
    match mode:
        case Mode.REAL:
            pass
        case Mode.PROTECTED:
            _protect(guest, 0)
        case Mode.USER:
            _protect(guest, svm.SEGMENT_USER)
            guest.cs.selector = 3
            guest.ss.selector = 3
            guest.cpl = 3
            guest.cr0 |= u64(Cr0.ALIGNMENT_MASK)
            guest.rflags = RFLAGS_FIXED | RFLAGS_ALIGNMENT_CHECK
        case Mode.PAGED:
            _protect(guest, 0)
            pages.tables[0][0] = _PAGE | WRITABLE | LARGE  # one page of 4 MiB
            guest.cr4 = u64(Cr4.PAGE_SIZE_EXTENSION)
            _page(guest, TABLES)
        case Mode.PAE:
            _protect(guest, 0)
            pages.tables[1][0] = TABLES + 4 * PAGE_SIZE | PRESENT
            pages.tables[4][0] = _PAGE | WRITABLE | LARGE
            guest.cr4 = u64(Cr4.PHYSICAL_ADDRESS_EXTENSION)
            _page(guest, TABLES + PAGE_SIZE)
        case Mode.LONG:
            _protect(guest, 0)
            guest.cs.attributes = svm.SEGMENT_CODE_64
            pages.tables[2][0] = TABLES + 3 * PAGE_SIZE | _TABLE
            pages.tables[3][0] = TABLES + 4 * PAGE_SIZE | _TABLE
            pages.tables[4][0] = _PAGE | WRITABLE | LARGE
            guest.cr4 = u64(Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.EXTENDED_STATES)
            guest.efer |= u64(Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE)
            _page(guest, TABLES + 2 * PAGE_SIZE)


@metal
def _protect(guest: Vmcb, ring: u16) -> None:
    guest.cr0 |= u64(Cr0.PROTECTION)
    guest.cs.attributes = svm.SEGMENT_CODE_32 + ring
    guest.cs.limit = u32.MAX
    guest.ss.attributes = svm.SEGMENT_DATA + ring
    guest.ss.limit = u32.MAX
    guest.ds.attributes = svm.SEGMENT_DATA + ring
    guest.ds.limit = u32.MAX
    guest.es.attributes = svm.SEGMENT_DATA + ring
    guest.es.limit = u32.MAX


@metal
def _page(guest: Vmcb, tables: u64) -> None:
    guest.cr3 = tables
    guest.cr0 |= u64(Cr0.PAGING)
