"""What a monitor is told about its sandbox, frozen into the image by the builder."""

from __future__ import annotations

from questv.arch.x86.machine import MachineFacts
from questv.metal.lang import Array, i64, u8, u32, u64
from questv.metal.structs import Struct
from questv.monitor.interface import VECTORS


class StartState(Struct):
    """The registers that a kernel begins with; all others are zero. Addresses are its own."""

    cr0: u64
    cr3: u64
    cr4: u64
    efer: u64  # long mode is active: 64-bit code, else 32-bit
    rip: u64
    rsp: u64
    rbx: u64
    rsi: u64
    rdi: u64


MAX_RESTARTS = 16
"""The highest limit of restarts within a time."""


class RecoveryPlan(Struct):
    """What a monitor does about a fault of its kernel. Times are in nanoseconds."""

    standby: u32  # 1 + the core to whose sandbox a fault releases all; 0: there is none
    bell: u32  # the vector by which that is told
    limit: u32  # restarts within ``window``, at most ``MAX_RESTARTS``; 0: a fault stops the kernel
    window: u64
    back_off: u64  # before the first restart within the window; twice that before the next one
    image: u64  # where the monitor sees the ``Image`` of its kernel's memory (virtual)
    sandbox: u64  # added to an address in the sandbox's memory: where the monitor sees it
    start: u64  # that memory
    size: u64
    panic: u64  # address of the kernel's ``PanicRecord``


class HeartbeatPlan(Struct):
    """Whether a kernel hangs, and whom it may suspect. Times are in nanoseconds."""

    deadline: u64  # after so long without a sign of life it hangs; 0: it gives none
    watched: u64  # cores whose kernels it may suspect: bit n for core n
    gap: u64  # between two suspicions of one of them


class TakeoverPlan(Struct):
    """The sandbox for which this one stands by."""

    core: u32  # 1 + its core; 0: there is none
    bell: u32  # the vector by which this one's kernel is told that it was released
    nested_tables: u64  # of this sandbox's view from then on


class Piece(Struct):
    """A part of a sandbox's memory as it is when the kernel begins."""

    start: u64
    source: u64  # where in the image its contents are, in bytes from the image's beginning
    filled: u64  # bytes of contents; what is left of the piece is zero
    size: u64  # all in whole words of eight bytes


class Image(Struct):
    """What a restart writes; the pieces follow, and their contents after those."""

    count: u64


class MonitorPlan(Struct, size=4096):
    """One monitor's part of the plan. Addresses are physical unless they say otherwise."""

    core: u32
    core_count: u32
    exit_port: u32  # of QEMU's isa-debug-exit device
    sandboxes: u64  # cores that have one: bit n for core n
    until: u64  # the run ends when these cores' sandboxes have ended: bit n for core n
    foreign: u32  # 1: a foreign kernel, which may change its own part of EFER, and XCR0
    absent: u32  # 1: ports and MSRs that are not the kernel's seem not to be there; 0: they stop it
    start: StartState
    stack_top: u64  # of the monitor's own stack (virtual)
    recovery: RecoveryPlan
    heartbeat: HeartbeatPlan
    takeover: TakeoverPlan
    nested_tables: u64  # of the sandbox's view
    msr_map: u64  # MSR permission map
    io_map: u64  # I/O permission map
    control: u64  # the processor's control block for the guest
    host_save: u64  # a page in which the processor keeps the monitor's state
    doorbells: Array[u8, VECTORS]  # by vector: 1 + the core that it may be sent to; 0: nobody
    machine: MachineFacts  # filled in by the boot, as are the next two
    tsc_offset: i64  # ticks by which this core's time-stamp counter is ahead of the first core's
    tsc_error: u64  # by how many that may be wrong; 0 on the first core
    tsc_skew: u64  # 0; a test makes this core's counter seem wrong by it
