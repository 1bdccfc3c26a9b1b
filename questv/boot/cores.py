"""The machine's cores: found in ACPI's tables, checked against the plan, started one by one."""

from __future__ import annotations

from questv.arch.x86 import acpi
from questv.arch.x86.acpi import (
    PROCESSOR_ENABLED,
    InterruptController,
    LocalApicEntry,
    LocalX2ApicEntry,
)
from questv.arch.x86.apic import COMMAND_ASSERT, COMMAND_INIT, COMMAND_STARTUP
from questv.arch.x86.instructions import pause, read_tsc, read_tsc_in_order
from questv.arch.x86.machine import MAX_CORES, MachineFacts
from questv.boot import apic, entry, madt, offsets
from questv.boot.entry import TRAMPOLINE
from questv.boot.madt import Madt
from questv.boot.plan import BootPlan
from questv.boot.serial import say, stop
from questv.metal.lang import (
    ACQUIRE,
    RELEASE,
    SEQ_CST,
    Array,
    Atomic,
    Ptr,
    addr,
    constant,
    copy,
    fence,
    metal,
    static,
    u8,
    u32,
    u64,
)
from questv.metal.structs import sizeof
from questv.monitor.plan import MonitorPlan

_INIT_MICROSECONDS = 10  # processors of this century need far less than the 10 ms of old
_STARTUP_MICROSECONDS = 5_000_000  # long, since an emulated core waits for a real one

_HALT: Array[u8, 4] = constant([0xFA, 0xF4, 0xEB, 0xFC])  # cli, hlt, and again

started: Atomic[u64] = static(0)


# ---- finding ---------------------------------------------------------------------------------


@metal
def find(tables: Madt, machine: MachineFacts) -> None:
    """List the enabled processors that the firmware's MADT names."""
    at = madt.first(tables)
    while at != 0:
        match Ptr[InterruptController](at)[0].kind:
            case acpi.KIND_LOCAL_APIC:
                processor = Ptr[LocalApicEntry](at)[0]
                if processor.flags & PROCESSOR_ENABLED != 0:
                    _add(machine, u32(processor.apic_id))
            case acpi.KIND_LOCAL_X2APIC:
                wide = Ptr[LocalX2ApicEntry](at)[0]
                if wide.flags & PROCESSOR_ENABLED != 0:
                    _add(machine, wide.apic_id)
            case _:
                pass
        at = madt.next(tables, at)


@metal
def _add(machine: MachineFacts, apic_id: u32) -> None:
    if machine.core_count < MAX_CORES:
        machine.apic_ids[machine.core_count] = apic_id
        machine.core_count += 1


@metal
def check(machine: MachineFacts, plan: BootPlan) -> None:
    """Check that there are cores enough, and that this is one of them."""
    if machine.core_count < plan.core_count:
        say(
            f"the system needs {plan.core_count} cores, this machine has {machine.core_count}; "
            f"give it more (QEMU: -smp {plan.core_count})"
        )
        stop()
    own = apic.own_id(machine)
    for i in range(plan.core_count):
        if machine.apic_ids[i] == own:
            machine.first_core = i
            return
    say(f"the core that booted (APIC {own}) is not among the first {plan.core_count} of the MADT")
    stop()


# ---- handing over ----------------------------------------------------------------------------


@metal
def publish(machine: MachineFacts, plan: BootPlan) -> None:
    """Copy the facts to where each monitor and each kernel will read them.

    No counter is wrong as long as it has not been asked.
    """
    for i in range(plan.core_count):
        if plan.cores[i].entry == 0:
            continue
        monitor = Ptr[MonitorPlan](plan.cores[i].monitor_plan)[0]
        copy(monitor.machine, machine)
        monitor.tsc_offset = 0
        monitor.tsc_error = 0
        copy(Ptr[MachineFacts](plan.cores[i].sandbox_facts)[0], machine)


@metal
def start_others(machine: MachineFacts, plan: BootPlan) -> None:
    """Start every other core of the plan, one at a time, with INIT and SIPI (APM vol. 2, 16.5).

    Afterwards nothing is left of what they began with: a kernel that may send interrupts directly
    could start one of them again, on a stack that is another's by now.
    """
    size = addr(entry.trampoline_end) - addr(entry.trampoline_start)
    for i in range(size):
        Ptr[u8](TRAMPOLINE)[i] = Ptr[u8](addr(entry.trampoline_start))[i]
    for core in range(plan.core_count):
        if core != machine.first_core and plan.cores[core].entry != 0:
            _start(machine, plan, core)
    for i in range(size):
        Ptr[u8](TRAMPOLINE)[i] = _HALT[i % sizeof(_HALT)]


@metal
def _start(machine: MachineFacts, plan: BootPlan, core: u32) -> None:
    entry.next_core = u64(core)
    entry.next_stack = plan.cores[core].stack_physical
    started.store(0, RELEASE)
    fence(SEQ_CST)  # an x2APIC command is no barrier (SDM vol. 3, 11.12.3)
    target = machine.apic_ids[core]
    apic.send_command(machine, target, COMMAND_INIT | COMMAND_ASSERT)
    _wait(machine, _INIT_MICROSECONDS)
    before = read_tsc_in_order()
    apic.send_command(machine, target, COMMAND_STARTUP | TRAMPOLINE >> 12)
    if not _wait(machine, _STARTUP_MICROSECONDS):
        say(f"core {core} (APIC {target}) does not start; give the machine a core that works")
        stop()
    monitor = Ptr[MonitorPlan](plan.cores[core].monitor_plan)[0]
    offsets.learn(monitor, core, before, read_tsc_in_order())
    offsets.ask(machine, monitor, core)


@metal
def _wait(machine: MachineFacts, microseconds: u64) -> bool:
    """Wait until the core that is being started has announced itself, or time is up."""
    end = read_tsc() + machine.tsc_frequency * microseconds // 1_000_000
    while read_tsc() < end:
        if started.load(ACQUIRE) != 0:
            return True
        pause()
    return False


@metal
def join(plan: BootPlan, core: u32) -> None:
    """Tell the first core that this one has come up, and what its clock says.

    The stack of this core is its monitor's own already, so that nothing of the start is shared.
    """
    skew = Ptr[MonitorPlan](plan.cores[core].monitor_plan)[0].tsc_skew
    offsets.tell(core, skew)
    started.store(1, RELEASE)
    offsets.answer(core, skew)
