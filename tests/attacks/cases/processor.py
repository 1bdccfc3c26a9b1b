"""Attacks by what commands the processor, by faults, and by not ending."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from questv.arch.x86.registers import Msr
from questv.arch.x86.svm import ExitCode
from questv.attacks import faults, instructions, registers, rings
from questv.metal.definitions import MetalFunction
from questv.monitor.interface import CrashReason
from questv.plan.build import BuiltSystem

from .case import Case, doorbell
from .memory import READ, WRITE, part

_DEBUG, _INVALID_OPCODE, _PROTECTION, _MACHINE_CHECK = 1, 6, 13, 18  # APM vol. 2, table 8-1

_CR0 = 0x8001_0033  # as kernels have it: PG, WP, NE, ET, MP, PE
_CR0_MP, _CR0_TS = 1 << 1, 1 << 3
_CR4_PAE = 1 << 5


def cases(built: BuiltSystem) -> Iterator[Case]:
    """All of them."""
    yield from _instructions(built)
    yield from _rings(built)
    yield from _control_registers(built)
    yield from _msrs()
    yield from _faults(built)


def _instructions(built: BuiltSystem) -> Iterator[Case]:
    own = built.plan.sandbox("attacker").control
    forbidden: dict[MetalFunction, ExitCode] = {
        instructions.vmrun: ExitCode.VMRUN,
        instructions.vmload: ExitCode.VMLOAD,
        instructions.vmsave: ExitCode.VMSAVE,
        instructions.stgi: ExitCode.STGI,
        instructions.clgi: ExitCode.CLGI,
        instructions.skinit: ExitCode.SKINIT,
        instructions.invlpga: ExitCode.INVLPGA,
        instructions.vmsave_with_repeat: ExitCode.VMSAVE,
        instructions.vmsave_with_operand_size: ExitCode.VMSAVE,
        instructions.vmsave_with_address_size: ExitCode.VMSAVE,
        instructions.vmrun_with_prefixes: ExitCode.VMRUN,
        instructions.invd: ExitCode.INVD,
        instructions.wbinvd: ExitCode.WBINVD,
        instructions.monitor: ExitCode.MONITOR,
        instructions.mwait: ExitCode.MWAIT,
        instructions.rsm: ExitCode.RSM,
        instructions.set_extended_control: ExitCode.XSETBV,
    }
    for attack, code in forbidden.items():
        yield Case(attack.name.replace("_", " "), attack, own).forbidden(code)
    yield Case("clgi with lock", instructions.clgi_with_lock).panics(_INVALID_OPCODE)
    yield Case("syscall", instructions.enter_system).panics(_INVALID_OPCODE)
    yield Case("icebp", instructions.breakpoint_of_hardware).panics(_DEBUG)
    yield Case("read what anybody may", instructions.read_counters)


def _rings(built: BuiltSystem) -> Iterator[Case]:
    own = built.plan.sandbox("attacker").control
    names = list(rings.INSTRUCTIONS)

    def case(name: str, target: int = own) -> Case:
        words = name.lower().replace("_", " ")
        return Case(f"{words} in ring 3", rings.run_unprivileged, target, names.index(name))

    # QEMU, as processors do, looks at the intercepts of the first four, and of RSM, before it looks
    # at the privilege; the monitor hands back what they are in ring 3.
    handed_back = ("SKINIT", "INVD", "WBINVD", "XSETBV")
    denied = (
        *handed_back,
        "VMRUN",
        "VMLOAD",
        "VMSAVE",
        "STGI",
        "CLGI",
        "INVLPGA",
        "RDMSR",
        "WRMSR",
        "IN",
        "OUT",
    )
    for name in (*denied, "HLT", "CLI", "MOV_CR0", "MOV_CR3", "MOV_DR7"):
        yield case(name).panics(_PROTECTION)
    for name in ("MONITOR", "MWAIT", "RSM"):
        yield case(name).panics(_INVALID_OPCODE)
    yield case("VMMCALL", 99).panics(_INVALID_OPCODE)  # which the monitor hands back
    data = part(built.plan.sandbox("middle"), "bss")
    yield case("READ", data).stopped(READ, data)
    yield case("WRITE", data).stopped(WRITE, data)
    read = names.index("READ")
    misaligned = Case("misaligned read in ring 3", rings.misalign, value=read)
    yield misaligned.forbidden(ExitCode.CR0_SELECTIVE_WRITE)
    # QEMU does not check alignment: the read comes back, and the hypercall after it is refused.
    misaligned = Case("misaligned read in ring 3, CR0 being free", rings.misalign)
    yield misaligned.at(0, read, unguarded="CR0").panics(_INVALID_OPCODE)


def _control_registers(built: BuiltSystem) -> Iterator[Case]:
    for name, value in {
        "paging": _CR0 & ~(1 << 31),
        "paging and protection": _CR0 & ~(1 << 31 | 1),
        "write protection": _CR0 & ~(1 << 16),
        "caches": _CR0 | 1 << 30,
        "caches, in a way that does not exist": _CR0 | 1 << 29,
        "numeric errors by exception": _CR0 & ~(1 << 5),
    }.items():
        yield Case(f"turn off {name}", registers.set_cr0, value).forbidden(
            ExitCode.CR0_SELECTIVE_WRITE
        )
    yield Case("turn off the coprocessor", registers.set_cr0, _CR0 | _CR0_TS | _CR0_MP)
    own = built.plan.sandbox("attacker").nested_tables
    yield Case("use the own nested tables as page tables", registers.set_cr3, own).stopped(
        WRITE, own
    )
    yield Case("use page tables beyond all memory", registers.set_cr3, 1 << 39).stopped(
        WRITE, 1 << 39
    )
    for bit, name in {7: "global pages", 10: "vector exceptions", 20: "SMEP", 21: "SMAP"}.items():
        yield Case(f"turn on {name}", registers.set_cr4, _CR4_PAE | 1 << bit)
    # QEMU lets reserved bits through, and refuses to enter a guest that has them.
    for bit in (12, 14, 31):
        case = Case(f"set bit {bit} of CR4", registers.set_cr4_and_ask)
        yield case.at(_CR4_PAE | 1 << bit, doorbell(built)).stopped(CrashReason.INVALID_STATE)
    yield Case("turn off long page tables", registers.set_cr4, 0).stopped(CrashReason.SHUTDOWN)
    yield Case("take no interrupts any more", registers.set_cr8)
    monitor = built.monitor.symbols
    executed = monitor.address("questv.monitor.exits._handle_other")
    written = monitor.address("monitor_public")
    for name, address, control in (
        ("a breakpoint in the monitor", executed, 0x2),
        ("a watch on the monitor's page", written, 0xD_0002),
    ):
        yield Case(name, registers.set_breakpoint, address, control).stopped(
            CrashReason.KERNEL_PANIC
        )
    guard = Case("a guard of debug registers", registers.set_breakpoint, 0, 1 << 13)
    yield guard.stopped(CrashReason.KERNEL_PANIC)
    yield Case("read debug registers", registers.read_debug_registers)


_MSRS: dict[str, int] = {
    "EFER": Msr.EFER,
    "VM_CR": Msr.VM_CR,
    "VM_HSAVE_PA": Msr.VM_HSAVE_PA,
    "APIC_BASE": Msr.APIC_BASE,
    "TSC": 0x10,
    "SYSENTER_EIP": 0x176,
    "MCG_STATUS": 0x17A,
    "DEBUGCTL": 0x1D9,
    "MTRR_PHYSBASE0": 0x200,
    "PAT": 0x277,
    "MC0_CTL": 0x400,
    "TSC_DEADLINE": 0x6E0,
    "LSTAR": 0xC000_0082,
    "FS_BASE": 0xC000_0100,
    "TSC_AUX": 0xC000_0103,
    "SYSCFG": 0xC001_0010,
    "HWCR": 0xC001_0015,
    "SMM_BASE": 0xC001_0111,
    "SMM_ADDR": 0xC001_0112,
    "SMM_MASK": 0xC001_0113,
    "the last of the first range": 0x1FFF,
    "the first beyond it": 0x2000,
    "a hypervisor's": 0x4000_0000,
    "the first before the second range": 0xBFFF_FFFF,
    "the first beyond the last range": 0xC001_2000,
    "the last of all": 0xFFFF_FFFF,
}


def _msrs() -> Iterator[Case]:
    for name, number in _MSRS.items():
        case = Case(f"read MSR {number:#x}, {name}", registers.read_denied_msr, number)
        case = replace(case, rare=number not in (Msr.EFER, Msr.VM_HSAVE_PA, 0x2000))
        yield case.stopped(CrashReason.MSR_READ, number)
        yield Case(f"write MSR {number:#x}, {name}", registers.write_denied_msr, number).stopped(
            CrashReason.MSR_WRITE, number
        )
    without = Case("leave SVM", registers.write_denied_msr, Msr.EFER, 0xD00)
    yield without.stopped(CrashReason.MSR_WRITE, Msr.EFER)
    longer = Case("leave long mode", registers.write_denied_msr, Msr.EFER, 0x1000)
    yield longer.stopped(CrashReason.MSR_WRITE, Msr.EFER)


def _faults(built: BuiltSystem) -> Iterator[Case]:
    own = built.plan.sandbox("attacker")
    for attack in (
        faults.without_handlers,
        faults.without_gates,
        faults.without_segments,
        faults.without_stack,
        faults.with_wild_stack,
        faults.without_tables,
        faults.fault_in_handler,
    ):
        name = f"triple fault {attack.name.replace('_', ' ')}"
        yield Case(name, attack).stopped(CrashReason.SHUTDOWN)
    data = part(own, "data")
    rest = own.kernel_tables
    end = built.plan.region_at(rest).end  # type: ignore[union-attr]
    for name, start, size in (
        ("the own page tables", rest, end - rest),
        ("all own data", data, part(own, "info") - data),
    ):
        yield Case(f"overwrite {name}", faults.trash, start, size).stopped(CrashReason.SHUTDOWN)
    for attack in (
        faults.hang,
        faults.sleep_for_ever,
        faults.stay_in_nmi,
        faults.fault_for_ever,
        faults.trap_for_ever,
        faults.break_for_ever,
        faults.hold_the_bus,
        faults.shadow_for_ever,
    ):
        yield Case(attack.name.replace("_", " "), attack, endless=True)
    yield Case("single step", faults.single_step).stopped(
        CrashReason.UNEXPECTED_EVENT, code=ExitCode.EXCEPTION_DEBUG
    )
    yield Case("machine check by software", faults.check_machine).panics(_MACHINE_CHECK)
    yield Case("numeric error by the interrupt controller", faults.numeric_error).forbidden(
        ExitCode.CR0_SELECTIVE_WRITE
    )
    case = Case("numeric error, CR0 being free", faults.numeric_error)
    yield case.at(0, unguarded="CR0")
