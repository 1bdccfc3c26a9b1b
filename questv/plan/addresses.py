"""Where things are in virtual memory: the same in every sandbox and in every monitor."""

from __future__ import annotations

from questv.arch.x86.paging import HUGE_PAGE_SIZE, PAGE_SIZE
from questv.boot.entry import IDENTITY_MAP_SIZE

# A kernel:
#
#     0x0000_0000  nothing: null pointers and what is near them
#     0x4000_0000  the program: text, constants, data
#     0x4800_0000  what it is told (read-only)
#     0x4900_0000  the local APIC, in a sandbox whose APIC is direct
#     0x4A00_0000  the registers of its virtio devices
#     0x4B00_0000  what it shares with those
#     0x4B80_0000  what it keeps of its processes, and tells them
#     0x4BC0_0000  what it shares with the other kernels of those that move
#     0x4BE0_0000  its sign of life, and those of whom it watches
#     0x4C00_0000  tasks' states, a page of nothing below each
#     0x5000_0000  stacks, likewise
#     0x8000_0000  channel areas, a page of nothing between
#   0x1_0000_0000  inputs, each on a boundary of 1 GiB
KERNEL_PROGRAM = 0x4000_0000
KERNEL_INFO = 0x4800_0000
KERNEL_APIC = 0x4900_0000
KERNEL_DEVICES = 0x4A00_0000
KERNEL_DEVICE_MEMORY = 0x4B00_0000
KERNEL_PROCESSES = 0x4B80_0000
KERNEL_MOVES = 0x4BC0_0000
KERNEL_PULSES = 0x4BE0_0000
KERNEL_STATES = 0x4C00_0000
KERNEL_STACKS = 0x5000_0000
KERNEL_CHANNELS = 0x8000_0000
KERNEL_INPUTS = 0x1_0000_0000
KERNEL_INPUT_STRIDE = 4 * HUGE_PAGE_SIZE

# A process shows its kernel's addresses, for the kernel alone, and has an entry of the top page
# table to itself, so that no two processes of a system have anything at the same address. From
# there on:
#
#       0x0000_0000  the program: text, constants, data
#       0x1000_0000  what it is told (read-only)
#       0x2000_0000  its stack, with nothing around it
#       0x3000_0000  its states, a page of nothing below each
#       0x8000_0000  channel areas, a page of nothing between
#     0x1_0000_0000  inputs, each on a boundary of 1 GiB
PROCESSES = 0x100_0000_0000
PROCESS_STRIDE = 0x80_0000_0000
PROCESS_INFO = 0x1000_0000
PROCESS_STACK = 0x2000_0000
PROCESS_STATES = 0x3000_0000
PROCESS_CHANNELS = 0x8000_0000
PROCESS_INPUTS = 0x1_0000_0000
MAX_PROCESSES = 254

# A foreign kernel has its memory from address 0, and above it, page after page: what it is told
# (read-only), its console, and if it begins in 64-bit mode a stack and page tables.

# A monitor, in an entry of the top page table that nothing else uses:
MONITOR_PROGRAM = 0x80_0000_0000
MONITOR_PLAN = MONITOR_PROGRAM + 0x10_0000
MONITOR_PUBLIC = MONITOR_PROGRAM + 0x11_0000
MONITOR_CONTROL = MONITOR_PROGRAM + 0x12_0000
MONITOR_APIC = MONITOR_PROGRAM + 0x13_0000
MONITOR_STACK = MONITOR_PROGRAM + 0x14_0000
MONITOR_PEERS = MONITOR_PROGRAM + 0x20_0000
MONITOR_PULSE = MONITOR_PROGRAM + 0x30_0000
# Where its kernel can be restarted, what that writes, and its sandbox's memory, each page at its
# physical address from there on:
MONITOR_IMAGE = MONITOR_PROGRAM + 0x4000_0000
MONITOR_SANDBOX = MONITOR_PROGRAM + 0x40_0000_0000

# The boot, where it is in physical memory too:
BOOT_PROGRAM = 0x10_0000

# MSR permission maps, in physical memory. Processors ignore the upper half of rcx. QEMU (10 at
# least) reads the permission for an MSR of the first range from the map's start on at byte rcx / 4,
# of which it takes 32 bits: bits 32 and 33 of rcx lead 1, 2 or 3 GiB further. There are guards:
# ones, which deny all. From 4 GiB on is the only place where all four can be memory.
MSR_MAPS = 4 * HUGE_PAGE_SIZE
MSR_GUARDS = tuple(MSR_MAPS + times * HUGE_PAGE_SIZE for times in (1, 2, 3))
assert MSR_GUARDS[-1] + HUGE_PAGE_SIZE <= IDENTITY_MAP_SIZE


def page_up(size: int) -> int:
    """``size`` in bytes, rounded up to whole pages."""
    return -(-size // PAGE_SIZE) * PAGE_SIZE
