"""Does this machine have the memory that the plan uses?"""

from __future__ import annotations

from questv.arch.x86.pvh import MAGIC, MEMORY_MAP_RAM, MemoryMapEntry, StartInfo
from questv.boot.plan import BootPlan, Region
from questv.boot.serial import say, stop
from questv.metal.lang import Ptr, metal


@metal
def check(start: StartInfo, plan: BootPlan) -> None:
    """Check that every region of the plan is RAM; end the boot at the first that is not."""
    if start.magic != MAGIC or start.version < 1 or start.memory_map_entries == 0:
        say("the loader gives no memory map; start the image through its PVH entry (QEMU: -kernel)")
        stop()
    for i in range(plan.region_count):
        region = plan.regions[i]
        if not _is_ram(start, region):
            say(
                f"the plan needs memory from {region.start:x} to {region.start + region.size:x}, "
                "which is not RAM on this machine; give the machine more memory, or the system less"
            )
            stop()


@metal
def _is_ram(start: StartInfo, region: Region) -> bool:
    """Whether one range of RAM holds the region, and no other kind of range touches it."""
    entries = Ptr[MemoryMapEntry](start.memory_map)
    inside = False
    for i in range(start.memory_map_entries):
        entry = entries[i]
        before = region.start - entry.address  # no end is computed: it could wrap around
        if entry.kind == MEMORY_MAP_RAM:
            holds = region.start >= entry.address and before <= entry.size
            inside = inside or (holds and region.size <= entry.size - before)
        elif region.start < entry.address:
            if entry.address - region.start < region.size and entry.size != 0:
                return False
        elif before < entry.size:
            return False
    return inside
