"""The memory that must not change, whatever an attacker does: which it is, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from questv.faults.walls import Walls, constant_memory
from questv.machine import GuestMemory
from questv.plan.build import BuiltSystem
from questv.plan.model import Owner, Plan

ATTACKER = "attacker"
_CANARY = b"untouched memory"


def snapshot(memory: GuestMemory, built: BuiltSystem) -> Walls:
    """What the memory that must not change holds now."""
    programs = {
        kernel.name: kernel for kernel in (*built.kernels.values(), built.monitor, built.boot)
    }
    return Walls(memory, built.plan, constant_memory(built.plan, programs, ATTACKER))


def canaries(built: BuiltSystem, folder: Path) -> tuple[tuple[int, Path], ...]:
    """Contents for all memory that nobody uses, so that a write there shows."""
    placed = []
    for index, (start, end) in enumerate(_unused(built.plan)):
        file = folder / f"canary-{index}"
        file.write_bytes(_CANARY * ((end - start) // len(_CANARY)))
        placed.append((start, file))
    return tuple(placed)


def _unused(plan: Plan) -> Iterator[tuple[int, int]]:
    """What no region holds, and what no kernel uses of its own, from the first region on."""
    regions = sorted(plan.regions, key=lambda region: region.start)
    for region, following in zip(regions, [*regions[1:], None], strict=True):
        end = min(following.start if following else plan.memory, plan.memory)
        if region.end < end:
            yield region.end, end
        if region.owner is Owner.SANDBOX and region.of != ATTACKER:
            yield region.start + plan.sandbox(region.of).memory_used, region.end
