"""Is the image in memory what the builder made?"""

from __future__ import annotations

from questv.arch.x86.checksum import checksum
from questv.boot.plan import BootPlan
from questv.boot.serial import say, stop
from questv.metal.lang import addr, metal, u32
from questv.metal.structs import offsetof


@metal
def verify_plan(plan: BootPlan) -> None:
    """Check the boot's own plan against its checksum; end the boot if they differ."""
    if checksum(addr(plan), offsetof(BootPlan, "crc")) != u32(plan.crc & 0xFFFF_FFFF):
        say("the image's plan is corrupted; build the image again and copy it whole")
        stop()


@metal
def verify(plan: BootPlan) -> None:
    """Check every part of the image against its checksum; end the boot at the first mismatch."""
    for i in range(plan.region_count):
        region = plan.regions[i]
        if region.checked != 0 and checksum(region.start, region.checked) != u32(region.crc):
            say(
                f"the image is corrupted between {region.start:x} and "
                f"{region.start + region.checked:x}; build it again and copy it whole"
            )
            stop()
