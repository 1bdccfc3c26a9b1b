"""Does this machine have the memory that the plan uses?"""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.pvh import MAGIC, MEMORY_MAP_RAM, MemoryMapEntry, StartInfo
from questv.boot.entry import TRAMPOLINE
from questv.boot.plan import BootPlan
from questv.boot.serial import say, stop
from questv.metal.lang import Ptr, metal, u64


@metal
def check(start: StartInfo, plan: BootPlan) -> None:
    """Check that whatever will be written to is RAM; end the boot at the first that is not."""
    if start.magic != MAGIC or start.version < 1 or start.memory_map_entries == 0:
        say("the loader gives no memory map; start the image through its PVH entry (QEMU: -kernel)")
        stop()
    if not _is_ram(start, TRAMPOLINE, PAGE_SIZE):
        say(
            f"cores start in the page at {TRAMPOLINE:x}, which is not free RAM on this machine; "
            "use another machine or firmware"
        )
        stop()
    for i in range(plan.region_count):
        region = plan.regions[i]
        if not _is_ram(start, region.start, region.size):
            say(
                f"the plan needs memory from {region.start:x} to {region.start + region.size:x}, "
                "which is not RAM on this machine; give the machine more memory, or the system less"
            )
            stop()


@metal
def _is_ram(start: StartInfo, address: u64, size: u64) -> bool:
    """Whether one range of RAM holds all of it, and no other kind of range touches it."""
    entries = Ptr[MemoryMapEntry](start.memory_map)
    inside = False
    for i in range(start.memory_map_entries):
        entry = entries[i]
        before = address - entry.address  # no end is computed: it could wrap around
        if entry.kind == MEMORY_MAP_RAM:
            holds = address >= entry.address and before <= entry.size
            inside = inside or (holds and size <= entry.size - before)
        elif address < entry.address:
            if entry.address - address < size and entry.size != 0:
                return False
        elif before < entry.size:
            return False
    return inside
