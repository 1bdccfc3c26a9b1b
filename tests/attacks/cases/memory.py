"""Attacks on memory: every kind that is not the attacker's, by every way that there is to it."""

from __future__ import annotations

from collections.abc import Iterator

from questv.arch.x86.apic import XAPIC_ADDRESS
from questv.arch.x86.paging import HUGE_PAGE_SIZE, PAGE_SIZE
from questv.arch.x86.svm import ExitCode
from questv.attacks import indirect, memory, modes, rings
from questv.attacks.modes import Access
from questv.boot.entry import TRAMPOLINE
from questv.monitor.interface import CrashReason
from questv.plan.build import BuiltSystem
from questv.plan.model import SandboxPlan

from .case import Case

READ = CrashReason.READ_OUTSIDE_VIEW
WRITE = CrashReason.WRITE_OUTSIDE_VIEW
EXECUTE = CrashReason.EXECUTE_OUTSIDE_VIEW

DEVICES = {
    "the local APIC": XAPIC_ADDRESS + 0x30,
    "the window of message interrupts": XAPIC_ADDRESS + 0x1000,
    "the I/O APIC": 0xFEC0_0000,
    "virtio's registers": 0xFEB0_0000,
    "the registers that switch the machine off": 0xFEA0_0200,
    "the firmware's flash": 0xFFFF_0000,
    "video memory": 0xA_0000,
    "the firmware's code": 0xF_0000,
}
"""Of microvm, as QEMU's ``info mtree`` shows it."""

PC_DEVICES = {
    "PCI configuration": 0xB000_0000,
    "the high precision timer": 0xFED0_0000,
    "the I/O APIC": 0xFEC0_0000,
}
"""Of q35, and where it would have one."""


def part(sandbox: SandboxPlan, name: str) -> int:
    """Where a part of a kernel lies, or of its monitor: those names begin with ``monitor``."""
    monitor, name = name.startswith("monitor "), name.removeprefix("monitor ")
    windows = sandbox.monitor_windows if monitor else sandbox.kernel_windows
    return next(window.physical for window in windows if window.name == name)


def foreign(built: BuiltSystem) -> dict[str, int]:
    """An address in every kind of memory that is not the attacker's."""
    plan = built.plan
    own, other = plan.sandbox("attacker"), plan.sandbox("middle")
    sink = plan.sandbox("sink")
    unused = max(region.end for region in plan.regions if region.end <= plan.memory)
    return {
        "another's text": part(other, "text") + 0x80,
        "another's constants": part(other, "rodata"),
        "another's data": part(other, "bss") + 0x100,
        "another's information": other.info,
        "another's stack": part(other, "stack transform") + 0x800,
        "another's page tables": other.kernel_tables,
        "another's free memory": plan.region_at(other.kernel_tables).end - 8,  # type: ignore[union-attr]
        "the own monitor's text": part(own, "monitor text"),
        "the own monitor's constants": part(own, "monitor rodata"),
        "the own monitor's data": part(own, "monitor bss"),
        "the own monitor's stack": part(own, "monitor stack") + PAGE_SIZE - 8,
        "the own monitor's plan": own.monitor_plan,
        "the own monitor's public page": own.public,
        "another monitor's data": part(other, "monitor bss"),
        "another monitor's plan": other.monitor_plan,
        "another monitor's public page": other.public,
        "the own nested tables": own.nested_tables,
        "another's nested tables": other.nested_tables,
        "the own monitor's page tables": own.monitor_tables,
        "the own map of MSRs": own.msr_map + 8,
        "another's map of MSRs": other.msr_map + 8,
        "the guard behind the own map of MSRs": own.msr_map + 8 + HUGE_PAGE_SIZE,
        "the own map of ports": own.io_map,
        "the own control block": own.control,
        "another's control block": other.control,
        "the own monitor's saved state": own.host_save,
        "another monitor's saved state": other.host_save,
        "the sender's side of others' channel": plan.channels[0].sender_area + PAGE_SIZE,
        "the receiver's side of others' channel": plan.channels[0].receiver_area,
        "another's input": sink.inputs[0].physical,
        "the boot's text": plan.regions[0].start,
        "the boot's copy of what it found": plan.boot_machine,
        "the page where cores start": TRAMPOLINE,
        "the first page of memory": 0x500,
        "memory that nobody has": unused + PAGE_SIZE,
        "addresses where nothing is": 0xD000_0000,
        "addresses beyond 4 GiB": 0x20_0000_0000,
    }


def read_only(built: BuiltSystem) -> dict[str, int]:
    """An address in every kind of memory that the attacker may read, and no more."""
    own = built.plan.sandbox("attacker")
    claims, answers, pose, state = built.plan.channels[2:6]
    return {
        "the own constants": part(own, "rodata"),
        "the own information": own.info,
        "the own input": own.inputs[0].physical + PAGE_SIZE,
        "the reader's side of a ring": claims.receiver_area,
        "the sender's side of a ring": answers.sender_area,
        "the sender's messages": answers.sender_area + PAGE_SIZE,
        "the reader's side of a register": pose.receiver_area,
        "the writer's side of a register": state.sender_area,
        "the writer's values": state.sender_area + PAGE_SIZE,
    }


def cases(built: BuiltSystem) -> Iterator[Case]:
    """All of them."""
    yield from _plain(built)
    yield from _instructions(built)
    yield from _indirect(built)
    yield from _modes(built)


def on_a_pc() -> Iterator[Case]:
    """Those on devices that only a whole PC has."""
    for name, target in PC_DEVICES.items():
        yield Case(f"read {name}", memory.read, target).stopped(READ, target)
        yield Case(f"write {name}", memory.write, target).stopped(WRITE, target)


def _plain(built: BuiltSystem) -> Iterator[Case]:
    ways = ((memory.read, READ), (memory.write, WRITE), (memory.execute, EXECUTE))
    for name, target in {**foreign(built), **DEVICES}.items():
        for attack, reason in ways:
            rare = attack is memory.execute and not name.endswith(("text", "data"))
            case = Case(f"{attack.name} {name}", attack, target, rare=rare)
            yield case.stopped(reason, target, ExitCode.NESTED_PAGE_FAULT)
    own = built.plan.sandbox("attacker")
    unwritable = {"the own text": part(own, "text"), **read_only(built)}
    for name, target in unwritable.items():
        yield Case(f"write {name}", memory.write, target).stopped(WRITE, target)
    writable = {
        "the own data": part(own, "bss"),
        "the own stack": part(own, "stack attack"),
        "the own page tables": own.kernel_tables,
        "the own side of a channel": built.plan.channels[2].sender_area,
    }
    for name, target in {**read_only(built), **writable}.items():
        yield Case(f"execute {name}", memory.execute, target).stopped(EXECUTE, target)


def _instructions(built: BuiltSystem) -> Iterator[Case]:
    plan = built.plan
    own, other = plan.sandbox("attacker"), plan.sandbox("middle")
    data = part(other, "bss") + 0x100
    ways = {
        "push onto another's data": (memory.push, WRITE),
        "pop from another's data": (memory.pop, READ),
        "add to another's data, locked": (memory.add_locked, WRITE),
        "compare and swap another's data": (memory.compare_and_swap, WRITE),
        "compare and swap 16 bytes of another's data": (memory.compare_and_swap_16, WRITE),
        "save registers over another's data": (memory.save_registers, WRITE),
        "load registers from another's data": (memory.load_registers, READ),
        "save extended registers over another's data": (memory.save_extended_registers, WRITE),
        "store a table's address over another's data": (memory.store_descriptor_table, WRITE),
    }
    for name, (attack, reason) in ways.items():
        yield Case(name, attack, data).stopped(reason, data)
    text = part(other, "text")
    yield Case("call another's text", memory.call, text).stopped(EXECUTE, text)
    end = plan.region_at(own.kernel_tables).end  # type: ignore[union-attr]
    across = {
        "fill beyond the own memory": (memory.fill_across, WRITE),
        "copy from beyond the own memory": (memory.copy_across, READ),
        "read across the own memory's end": (memory.straddle_reading, READ),
        "write across the own memory's end": (memory.straddle_writing, WRITE),
        # QEMU looks the second page of a locked access up for reading first.
        "add across the own memory's end, locked": (memory.add_locked_across, READ),
    }
    for name, (attack, reason) in across.items():
        yield Case(name, attack, end).stopped(reason, end)
    for name in ("text", "rodata", "info"):
        target = part(own, name)
        case = Case(f"write the own {name} without write protection", memory.without_protection)
        yield case.at(target).forbidden(ExitCode.CR0_SELECTIVE_WRITE)
        case = Case(f"write the own {name} with write protection off", memory.without_protection)
        yield case.at(target, unguarded="CR0").stopped(WRITE, target)
    yield Case("hint at another's data", memory.touch_nothing, data)


def _indirect(built: BuiltSystem) -> Iterator[Case]:
    plan = built.plan
    other = plan.sandbox("middle")
    tables, data = other.kernel_tables, part(other, "bss")
    # Walks by the processor count as writes: it may set accessed bits (APM vol. 2, 15.25.6).
    yield Case("use another's page tables", indirect.walk, tables).stopped(WRITE, tables)
    yield Case(
        "use its own nested tables", indirect.walk, plan.sandbox("attacker").nested_tables
    ).stopped(WRITE, plan.sandbox("attacker").nested_tables)
    yield Case("lead a walk into another's data", indirect.walk_below, data).stopped(WRITE, data)
    fetched = {
        "take segments from another's data": (indirect.load_segment, 0x10),
        "take local segments from another's data": (indirect.load_local_segment, 0x10),
        "take interrupt gates from another's data": (indirect.take_gate, 0x30),
        "take a stack pointer from another's data": (indirect.take_stack, 0x24),
        "return from an interrupt by another's data": (indirect.pop_frame, 0),
    }
    for name, (attack, offset) in fetched.items():
        yield Case(name, attack, data).stopped(READ, data + offset)
    yield Case("push an interrupt's frame over another's data", indirect.push_frame, data).stopped(
        WRITE, data + 0x38
    )
    symbols = built.kernels["attacker"].symbols
    segments = plan.sandbox("attacker").physical(symbols.address("attack_read_only"))
    yield Case("mark a constant segment as used", indirect.mark_accessed, segments).stopped(
        WRITE, segments + 0x18 + 4
    )
    yield Case("mark a constant task as busy", indirect.mark_busy, segments).stopped(
        WRITE, segments + 0x20 + 4
    )
    case = Case("take permissions of ports from another's data", rings.ask_with_permissions)
    yield case.at(data, list(rings.INSTRUCTIONS).index("IN")).stopped(READ, data + 0x66)


def _modes(built: BuiltSystem) -> Iterator[Case]:
    plan = built.plan
    data, text = part(plan.sandbox("middle"), "bss"), part(plan.sandbox("middle"), "text")
    compatible = ((modes.touch_from_32_bits, "32-bit"), (modes.touch_from_16_bits, "16-bit"))
    accesses = ((Access.READ, READ), (Access.WRITE, WRITE), (Access.EXECUTE, EXECUTE))
    for attack, bits in compatible:
        for access, reason in accesses:
            if bits == "16-bit" and access is Access.EXECUTE:
                continue
            verb, target = access.name.lower(), text if access is Access.EXECUTE else data
            yield Case(f"{verb} another's memory from {bits} code", attack, target, access).stopped(
                reason, target
            )
    unpaged = {
        "without paging": modes.touch_without_paging,
        "by paging of the old kind": modes.touch_with_old_paging,
        "in real mode": modes.touch_from_real_mode,
    }
    for name, attack in unpaged.items():
        case = Case(f"read another's data {name}", attack, data, Access.READ)
        yield case.forbidden(ExitCode.CR0_SELECTIVE_WRITE)
    yield Case("switch to a task in another's data", modes.switch_task, data).forbidden(
        ExitCode.CR0_SELECTIVE_WRITE
    )
    # Nested paging holds by itself in these modes too.
    for name in ("without paging", "in real mode"):
        for access, reason in accesses:
            if name == "in real mode" and access is Access.EXECUTE:
                continue
            verb, target = access.name.lower(), text if access is Access.EXECUTE else data
            case = Case(f"{verb} another's memory {name}, CR0 being free", unpaged[name])
            yield case.at(target, access, unguarded="CR0").stopped(reason, target)
    case = Case("switch to a task in another's data, CR0 being free", modes.switch_task)
    yield case.at(data, unguarded="CR0").stopped(READ, data)
