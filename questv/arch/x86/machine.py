"""What the boot finds of the machine, and hands to every monitor and kernel."""

from __future__ import annotations

from questv.metal.lang import Array, u32, u64
from questv.metal.structs import Struct

MAX_CORES = 64


class MachineFacts(Struct):
    """Written once by the boot, before any monitor runs."""

    tsc_frequency: u64  # hertz, measured against the PIT
    apic_frequency: u64  # hertz of the local APIC's timer at divide-by-1, likewise
    start_tsc: u64  # the time-stamp counter when time began: zero of every clock
    run_nanoseconds: u64  # the run ends this long after start_tsc; 0: never
    core_count: u32  # enabled processors that the firmware names
    x2apic: u32  # 1 if the local APICs are reached through MSRs
    next_rip: u32  # 1 if the processor saves the next instruction's address on an exit
    first_core: u32  # the core that booted
    apic_ids: Array[u32, MAX_CORES]  # of core 0 and up
