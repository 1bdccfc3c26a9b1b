"""What a monitor is told about its sandbox, frozen into the image by the builder."""

from __future__ import annotations

from questv.arch.x86.machine import MachineFacts
from questv.metal.lang import Array, u8, u32, u64
from questv.metal.structs import Struct
from questv.monitor.interface import VECTORS


class MonitorPlan(Struct, size=4096):
    """One monitor's part of the plan. Addresses are physical unless they say otherwise."""

    core: u32
    core_count: u32
    exit_port: u32  # of QEMU's isa-debug-exit device
    sandboxes: u64  # cores that have one: bit n for core n
    until: u64  # the run ends when these cores' sandboxes have ended: bit n for core n
    entry: u64  # the kernel's first instruction, as the kernel sees it
    stack: u64  # top of the kernel's first stack, as the kernel sees it
    tables: u64  # the kernel's page tables
    nested_tables: u64  # of the sandbox's view
    msr_map: u64  # MSR permission map
    io_map: u64  # I/O permission map
    control: u64  # the processor's control block for the guest
    host_save: u64  # a page in which the processor keeps the monitor's state
    doorbells: Array[u8, VECTORS]  # by vector: 1 + the core that it may be sent to; 0: nobody
    machine: MachineFacts  # filled in by the boot
