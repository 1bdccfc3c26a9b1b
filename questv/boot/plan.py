"""What the boot has to be told, frozen into the image by the builder."""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.machine import MAX_CORES
from questv.metal.lang import Array, u32, u64
from questv.metal.structs import Struct, width

MAX_REGIONS = 2048
"""Each core's monitor and kernel have at most ten parts with contents, and its inputs, sixteen at
most, each begin a stretch of memory; the boot itself has a few."""
MAX_ROUTES = 32
"""A description can name 26 devices."""


@width(u32)
class X2ApicUse(IntEnum):
    """Whether the local APICs have to be reached through MSRs."""

    PREFERRED = 0
    REQUIRED = 1


class Region(Struct):
    """A range of physical memory that the plan uses; ``crc`` covers what the image put there."""

    start: u64
    size: u64  # bytes
    checked: u64  # bytes from the start, a multiple of 8, that the image filled; 0: none
    crc: u64  # CRC-32C of them


class CorePlan(Struct):
    """How one core gets from the boot into its monitor. All addresses are physical but two."""

    tables: u64  # the monitor's page tables
    stack: u64  # top of the monitor's stack, as the monitor sees it (virtual)
    stack_physical: u64  # the same, as the boot sees it
    entry: u64  # where the monitor starts (virtual)
    monitor_plan: u64  # of the core's ``MonitorPlan``
    sandbox_facts: u64  # where its kernel reads the machine's facts


class Route(Struct):
    """Where a device's interrupt goes."""

    interrupt: u32  # below 16 that of the ISA, from there on among the lines of all I/O APICs
    core: u32
    vector: u32


class BootPlan(Struct):
    """The whole of it."""

    core_count: u32
    region_count: u32
    x2apic: X2ApicUse
    exit_port: u32  # of QEMU's isa-debug-exit device
    monitor_slot: u64  # index in the top page table of the entry that maps monitors
    msr_map: u64  # MSR permission map of the probe's guest, which denies all
    cores: Array[CorePlan, MAX_CORES]
    route_count: u32
    routes: Array[Route, MAX_ROUTES]
    regions: Array[Region, MAX_REGIONS]
    crc: u64  # CRC-32C of all before it
