"""The self-test's program: runs one probe after the other, and leaves the results in memory."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86 import svm
from questv.arch.x86.apic import (
    COMMAND_ASSERT,
    COMMAND_INIT,
    COMMAND_NMI,
    COMMAND_SMI,
    LVT_MASKED,
    LVT_NMI,
    SPURIOUS_ENABLE,
    TIMER_DIVIDE_BY_1,
    ApicRegister,
)
from questv.arch.x86.descriptors import CODE_SELECTOR, Gate, TablePointer, set_gate
from questv.arch.x86.instructions import cpuid, halt, load_idt, out32, read_tsc
from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.pvh import StartInfo
from questv.arch.x86.svm_guest import turn_svm_on
from questv.arch.x86.svm_run import run_guest
from questv.boot import apic, legacy, options, processor
from questv.metal.lang import (
    Array,
    Ptr,
    addr,
    asm,
    assembly,
    constant,
    external,
    local,
    metal,
    module_assembly,
    static,
    u8,
    u32,
    u64,
)
from questv.metal.structs import sizeof
from questv.probes import code, guest
from questv.probes.catalogue import CODE, PROBES, VECTOR, Apic, Before, Place
from questv.probes.results import ADDRESS, Outcome, Result, Results

EXIT_PORT = 0xF4
EXIT_DONE = 0x10

_EBX, _ECX, _EDX = 1, 2, 3
_NMI = 2
_VECTORS = 32
_SPURIOUS_VECTOR = 0xFF
_SOON = 50_000  # ticks of the local APIC's timer
_TRIES, _LONGER = 7, 4
_SMI_HANDLER = 0x3_8000
"""Where a processor whose firmware has set up no handler starts at an SMI (APM vol. 2, 10.3.1)."""
_RSM = (0x0F, 0xAA)
_KINDS = ("", "r", "w", "x")

machine: MachineFacts = static()
idt: Array[Gate, _VECTORS] = static()
nmi_handler: u8 = external("probes_nmi_handler")
module_assembly(
    """
.section .text.probes_nmi_handler,"ax",@progbits
.globl probes_nmi_handler
probes_nmi_handler:
    iretq
"""
)

APICS: Array[u8, len(PROBES)] = constant([probe.apic for probe in PROBES])
BEFORE: Array[u8, len(PROBES)] = constant([probe.before for probe in PROBES])
PLACES: Array[u8, len(PROBES)] = constant([probe.place for probe in PROBES])
FAULTS: Array[u64, len(PROBES)] = constant([probe.fault for probe in PROBES])
KINDS: Array[u8, len(PROBES)] = constant([_KINDS.index(probe.kind) for probe in PROBES])
CONTROLS: Array[u64, len(PROBES)] = constant([probe.control or 0 for probe in PROBES])
TESTABLE: Array[u8, len(PROBES)] = constant([int(not probe.untestable) for probe in PROBES])


@metal(export="boot_main")
def main(start: StartInfo) -> NoReturn:
    """Run the probes from the one that the command line names in ``first=``.

    With ``weak=1`` the guests are held badly, so that the probes can be seen to fail.
    """
    results = Ptr[Results](ADDRESS)[0]
    legacy.mask_interrupts()
    _end_if_restarted(results)
    machine.x2apic = u32(processor.has_x2apic())
    processor.check_features(machine)
    apic.write_apic(machine, ApicRegister.SPURIOUS, SPURIOUS_ENABLE | _SPURIOUS_VECTOR)
    _install_handlers()
    turn_svm_on(addr(guest.pages.host_save))
    results.features = cpuid(svm.CPUID_SVM, _EDX)
    results.asids = cpuid(svm.CPUID_SVM, _EBX)
    results.processor = cpuid(1, _ECX)
    asm("clgi", None, "")
    weak = options.number(start, "weak=") != 0
    for number in range(u32(options.number(start, "first=")), len(PROBES)):
        _probe(results.results[number], number, weak)
    _end()


@metal
def _end() -> NoReturn:
    out32(EXIT_PORT, EXIT_DONE)
    while True:
        halt()


@metal
def _end_if_restarted(results: Results) -> None:
    """Something that was running has led to the first instruction again."""
    for number in range(u32(len(PROBES))):
        if results.results[number].outcome == Outcome.RUNNING:
            results.results[number].outcome = Outcome.RESTARTED
            _end()


@metal
def _install_handlers() -> None:
    """An NMI is taken and forgotten; an SMI as well, where the firmware has no handler."""
    pointer: TablePointer = local()
    set_gate(idt[_NMI], addr(nmi_handler), 0)
    pointer.limit = sizeof(idt) - 1
    pointer.base = addr(idt)
    load_idt(addr(pointer))
    Ptr[u8](_SMI_HANDLER)[0] = _RSM[0]
    Ptr[u8](_SMI_HANDLER)[1] = _RSM[1]


# ---- one probe --------------------------------------------------------------------------------


@metal
def _probe(result: Result, number: u32, weak: bool) -> None:
    if TESTABLE[number] == 0 or not _is_for_this_machine(Apic(APICS[number])):
        result.outcome = Outcome.LEFT_OUT
        return
    result.outcome = Outcome.RUNNING
    if CONTROLS[number] != 0:
        guest.prepare(number, True)
        run_guest(addr(guest.pages.control), guest.registers)
        if u64(guest.pages.control.exit_code) != CONTROLS[number]:
            _note(result, Outcome.NO_EVENT)
            return
    before = Before(BEFORE[number])
    holds = False
    delay: u32 = _SOON
    for _ in range(u32(_TRIES)):
        guest.prepare(number, weak)
        _act(before, weak, delay)
        start = read_tsc()
        run_guest(addr(guest.pages.control), guest.registers)
        holds = _holds(number, start, read_tsc() - start)
        _clean_up(before)
        # An emulator may be so slow that the timer goes off before the guest halts.
        if before != Before.ARM_NMI or guest.pages.control.rip != code.instructions[number]:
            break
        delay *= _LONGER
    _note(result, Outcome.HOLDS if holds else Outcome.FAILS)


@metal
def _note(result: Result, outcome: Outcome) -> None:
    control = guest.pages.control
    result.exit_code = control.exit_code
    result.exit_info1 = control.exit_info1
    result.exit_info2 = control.exit_info2
    result.rip = control.rip
    result.outcome = outcome


@metal
def _is_for_this_machine(wanted: Apic) -> bool:
    match wanted:
        case Apic.X2APIC:
            return machine.x2apic != 0
        case Apic.XAPIC:
            return machine.x2apic == 0
        case _:
            return True


@metal
def _holds(number: u32, start: u64, elapsed: u64) -> bool:
    """Whether the guest has ended as it has to."""
    control = guest.pages.control
    if u64(control.exit_code) != guest.EXITS[number]:
        return False
    if not _is_at(number, control.rip):
        return False
    if FAULTS[number] != 0:
        return control.exit_info2 == FAULTS[number] and _is_kind(KINDS[number], control.exit_info1)
    if guest.OFFSETS[number] != 0:
        told = guest.registers.rdx << 32 | control.rax & 0xFFFF_FFFF
        return told - guest.OFFSETS[number] - start <= elapsed
    return True


@metal
def _is_at(number: u32, rip: u64) -> bool:
    match Place(PLACES[number]):
        case Place.INSTRUCTION:
            return rip == code.instructions[number]
        case Place.AFTER:
            return rip == code.ends[number]
        case Place.HANDLER:
            return rip == CODE + addr(code.handler) - addr(code.code)
        case _:
            return True


@metal
def _is_kind(kind: u8, info: u64) -> bool:
    """Whether a nested page fault was about this kind of access (APM vol. 2, 15.25.6)."""
    both: u64 = svm.NESTED_FAULT_WRITE | svm.NESTED_FAULT_EXECUTE
    match kind:
        case 1:
            return info & both == 0
        case 2:
            return info & both == svm.NESTED_FAULT_WRITE
        case 3:
            return info & both == svm.NESTED_FAULT_EXECUTE
        case _:
            return True


# ---- what happens around it -------------------------------------------------------------------


@metal
def _act(before: Before, weak: bool, delay: u32) -> None:
    match before:
        case Before.ARM_TIMER:
            _arm(VECTOR, delay)
        case Before.ARM_NMI:
            _arm(LVT_NMI, delay)
        case Before.SEND_INTERRUPT:
            _send(VECTOR)
        case Before.SEND_NMI:
            _send(COMMAND_NMI)
        case Before.SEND_SMI:
            _send(COMMAND_SMI)
        case Before.SEND_INIT:
            _send(COMMAND_INIT)
        case Before.TAKE_EXIT | Before.OPEN_WINDOW:
            _send(COMMAND_NMI)
            run_guest(addr(guest.pages.control), guest.registers)
            if (before == Before.OPEN_WINDOW) != weak:
                _open_window()
        case _:
            pass


@metal
def _send(command: u32) -> None:
    apic.send_command(machine, apic.own_id(machine), command | COMMAND_ASSERT)


@metal
def _arm(how: u32, delay: u32) -> None:
    apic.write_apic(machine, ApicRegister.TIMER_DIVIDE, TIMER_DIVIDE_BY_1)
    apic.write_apic(machine, ApicRegister.TIMER, how)
    apic.write_apic(machine, ApicRegister.TIMER_INITIAL, delay)


@metal
def _open_window() -> None:
    asm("stgi\nnop\nclgi", None, "")


@metal
def _clean_up(before: Before) -> None:
    """Leave nothing pending for the next guest."""
    apic.write_apic(machine, ApicRegister.TIMER, LVT_MASKED)
    apic.write_apic(machine, ApicRegister.END_OF_INTERRUPT, 0)
    if before != Before.NOTHING:
        _open_window()
        _unblock_nmis()


@assembly(
    f"""
    pop rax
    mov rcx, rsp
    push 0
    push rcx
    pushfq
    push {CODE_SELECTOR}
    push rax
    iretq
    """,
    stack=32,
)
def _unblock_nmis() -> None:
    """End the handling of an NMI that a guest was in: only IRET does (APM vol. 2, 8.2.3)."""
    raise NotImplementedError
