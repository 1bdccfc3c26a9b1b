"""Devices' interrupts: laid once, each straight to the core of the sandbox that drives it."""

from __future__ import annotations

from questv.arch.x86 import acpi, ioapic
from questv.arch.x86.acpi import InterruptController, IoApicEntry, OverrideEntry
from questv.arch.x86.machine import MachineFacts
from questv.boot import madt
from questv.boot.madt import Madt
from questv.boot.plan import BootPlan
from questv.boot.serial import say, stop
from questv.metal.lang import Ptr, metal, u8, u32, u64

_ISA_INTERRUPTS = 16


@metal
def lay(tables: Madt, machine: MachineFacts, plan: BootPlan) -> None:
    """Mask every line, and let those of the plan interrupt their cores. Nobody changes it later."""
    at = madt.first(tables)
    while at != 0:
        if Ptr[InterruptController](at)[0].kind == acpi.KIND_IO_APIC:
            _mask_all(u64(Ptr[IoApicEntry](at)[0].address))
        at = madt.next(tables, at)
    for i in range(plan.route_count):
        route = plan.routes[i]
        line = _line(tables, route.interrupt)
        found = _io_apic(tables, line)
        target = machine.apic_ids[route.core]
        if found == 0:
            say(
                f"this machine has no I/O APIC with interrupt {route.interrupt}, which a device of "
                "the system needs; use a machine that has"
            )
            stop()
        if target > ioapic.LARGEST_DESTINATION:
            say(
                f"interrupt {route.interrupt} can't reach core {route.core} (APIC {target}) "
                "on this machine; drive the device from another core"
            )
            stop()
        entry = Ptr[IoApicEntry](found)[0]
        ioapic.route(u64(entry.address), line - entry.first_line, target, route.vector)


@metal
def _mask_all(base: u64) -> None:
    for each in range(ioapic.lines(base)):
        ioapic.mask(base, each)


@metal
def _io_apic(tables: Madt, line: u32) -> u64:
    """The entry of the I/O APIC that has this line, or 0."""
    at = madt.first(tables)
    while at != 0:
        if Ptr[InterruptController](at)[0].kind == acpi.KIND_IO_APIC:
            entry = Ptr[IoApicEntry](at)[0]
            if line - entry.first_line < ioapic.lines(u64(entry.address)):
                return at
        at = madt.next(tables, at)
    return 0


@metal
def _line(tables: Madt, interrupt: u32) -> u32:
    """The line of an interrupt: its own number, unless the firmware says otherwise of an ISA's."""
    if interrupt >= _ISA_INTERRUPTS:
        return interrupt
    at = madt.first(tables)
    while at != 0:
        if Ptr[InterruptController](at)[0].kind == acpi.KIND_OVERRIDE:
            override = Ptr[OverrideEntry](at)[0]
            if override.source == u8(interrupt):
                return override.line
        at = madt.next(tables, at)
    return interrupt
