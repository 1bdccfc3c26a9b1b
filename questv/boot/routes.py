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


@metal
def lay(tables: Madt, machine: MachineFacts, plan: BootPlan) -> None:
    """Mask every line, and let those of the plan interrupt their cores. Nobody changes it later."""
    at = _io_apic(tables)
    if at == 0:
        if plan.route_count != 0:
            say("this machine has no I/O APIC, which the system's devices need; use one that has")
            stop()
        return
    base = u64(Ptr[IoApicEntry](at)[0].address)
    count = ioapic.lines(base)
    for each in range(count):
        ioapic.mask(base, each)
    for i in range(plan.route_count):
        route = plan.routes[i]
        line = _line(tables, route.interrupt)
        target = machine.apic_ids[route.core]
        if line >= count or target > ioapic.LARGEST_DESTINATION:
            say(
                f"interrupt {route.interrupt} can't reach core {route.core} (APIC {target}) "
                "on this machine; drive the device from another core"
            )
            stop()
        ioapic.route(base, line, target, route.vector)


@metal
def _io_apic(tables: Madt) -> u64:
    """The entry of the I/O APIC that has the lines from 0, or 0."""
    at = madt.first(tables)
    while at != 0:
        is_io_apic = Ptr[InterruptController](at)[0].kind == acpi.KIND_IO_APIC
        if is_io_apic and Ptr[IoApicEntry](at)[0].first_line == 0:
            return at
        at = madt.next(tables, at)
    return 0


@metal
def _line(tables: Madt, interrupt: u32) -> u32:
    """The line of an ISA interrupt: its own number, unless the firmware says otherwise."""
    at = madt.first(tables)
    while at != 0:
        if Ptr[InterruptController](at)[0].kind == acpi.KIND_OVERRIDE:
            override = Ptr[OverrideEntry](at)[0]
            if override.source == u8(interrupt):
                return override.line
        at = madt.next(tables, at)
    return interrupt
