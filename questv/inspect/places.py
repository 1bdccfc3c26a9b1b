"""Says what lies at a physical address, in words, from the plan."""

from __future__ import annotations

from questv.arch.x86.apic import XAPIC_ADDRESS
from questv.arch.x86.paging import PAGE_SIZE
from questv.plan.model import Owner, Plan, Region, Rights, SandboxPlan, Window

_LOW_MEMORY_END = 1 << 20
_RIGHTS: dict[Rights, str] = {
    "r": "read",
    "rw": "read and write",
    "rx": "read and execute",
    "rwx": "read, write and execute",
}
_MONITOR_PARTS = {
    "text": "code",
    "rodata": "constants",
    "bss": "data",
    "public": "public page",
    "control": "control block",
}


def describe(plan: Plan, sandbox: SandboxPlan, address: int) -> str:
    """An address that ``sandbox`` could not use: what lies there, and why it could not.

    For the end of a sentence: ``0x1aa000 (memory of sandbox 'a': its text), which is outside its
    view``.
    """
    view = next((window for window in sandbox.view if window.holds(address)), None)
    limit = f"it may only {_RIGHTS[view.rights]}" if view else "is outside its view"
    if sandbox.foreign is None:
        what = whose(plan, sandbox, address)
    elif view is not None:  # by its own addresses, which are nobody else's
        what = f"its own {view.name}"
    else:
        what = f"beyond its memory, which ends at {sandbox.memory:#x}"
    return f"{address:#x} ({what}), which {limit}"


def whose(plan: Plan, sandbox: SandboxPlan, address: int) -> str:
    """What lies at ``address``, as seen from ``sandbox``."""
    region = plan.region_at(address)
    if region is None:
        return _outside_plan(plan, address)
    own = region.of == sandbox.name
    match region.owner:
        case Owner.BOOT:
            return "memory of the boot"
        case Owner.MONITOR:
            part = _monitor_part(plan.sandbox(region.of), address)
            return f"its own monitor: {part}" if own else f"the monitor of '{region.of}': {part}"
        case Owner.HARDWARE:
            what = region.name.removesuffix(f" of {region.of}")
            return f"its own {what}" if own else f"{what} of '{region.of}'"
        case Owner.SANDBOX:
            part = _sandbox_part(plan.sandbox(region.of), region, address)
            return f"its own {part}" if own else f"memory of sandbox '{region.of}': its {part}"
        case Owner.CHANNEL:
            return f"channel '{region.of}', the side that '{_writer(plan, region)}' writes"
        case Owner.INPUT:
            return f"input '{region.of}'"
        case Owner.HEARTBEAT:
            return "its own heartbeat" if own else f"the heartbeat of '{region.of}'"
        case Owner.TASK:
            return f"memory of task '{region.of}', which moves"
        case Owner.GUARD:
            return "a guard behind the MSR maps"


def _outside_plan(plan: Plan, address: int) -> str:
    if XAPIC_ADDRESS <= address < XAPIC_ADDRESS + PAGE_SIZE:
        return "the local APIC"
    if address < _LOW_MEMORY_END:
        return "memory of the firmware"
    if address < plan.memory:
        return "memory that the plan gives to nobody"
    return "beyond the memory of the plan"


def _window_at(windows: tuple[Window, ...], address: int) -> Window | None:
    for window in windows:
        if window.physical <= address < window.physical + window.size:
            return window
    return None


def _monitor_part(owner: SandboxPlan, address: int) -> str:
    window = _window_at(owner.monitor_windows, address)
    return _MONITOR_PARTS.get(window.name, window.name) if window else "unused memory"


def _sandbox_part(owner: SandboxPlan, memory: Region, address: int) -> str:
    window = _window_at(owner.kernel_windows, address)
    if window is not None:
        kind, _, name = window.name.partition(" ")
        return f"stack of {name}" if kind == "stack" else window.name
    for process in owner.processes:
        window = _window_at(process.windows, address)
        if window is not None:
            return f"{window.name} of process {owner.tasks[process.task].name}"
        if process.move is None and process.lower_tables <= address < process.start + process.size:
            return f"page tables of process {owner.tasks[process.task].name}"
    tables = range(owner.kernel_tables, memory.start + owner.memory_used)
    return "page tables" if address in tables else "free memory"


def _writer(plan: Plan, area: Region) -> str:
    channel = next(channel for channel in plan.channels if channel.name == area.of)
    return channel.sender if area.start == channel.sender_area else channel.receiver
