"""Functions inside QEMU that change a machine, which its interface for plugins (10.0) has not.

They are QEMU's own, and are there for a plugin where QEMU was built with modules, as Debian's and
Ubuntu's are: such a program shows all its functions. ``REQUIRED`` has their names.
"""

from __future__ import annotations

from typing import NoReturn

from questv.metal.lang import assembly, i64, u32, u64

READ_WRITE_REGISTERS = 2
"""For ``register_execution``: the callback may change the registers of its core."""

VIRTUAL = 1
"""The clock of the machine."""


@assembly("jmp qemu_get_cpu@PLT")
def processor(index: u32) -> u64:
    """The processor of a core."""
    raise NotImplementedError


@assembly("jmp g_byte_array_new@PLT")
def new_array() -> u64:
    """An empty array, which begins with the address of its bytes."""
    raise NotImplementedError


@assembly("jmp g_byte_array_set_size@PLT")
def set_array_size(array: u64, length: u32) -> u64:
    """Make it longer or shorter."""
    raise NotImplementedError


@assembly("jmp gdb_read_register@PLT")
def read_register(processor: u64, array: u64, number: u32) -> u32:
    """Append a register, by gdb's number, to an array; how many bytes it has."""
    raise NotImplementedError


@assembly("jmp x86_cpu_gdb_write_register@PLT")
def write_register(processor: u64, value: u64, number: u32) -> u32:
    """Set a register to what is at the address ``value``."""
    raise NotImplementedError


@assembly("jmp cpu_physical_memory_rw@PLT")
def access_memory(address: u64, buffer: u64, length: u64, is_write: u32) -> None:
    """Read or write physical memory; code that changes is translated again."""
    raise NotImplementedError


@assembly("jmp qemu_clock_get_ns@PLT")
def clock(kind: u32) -> i64:
    """The time by one of the clocks, in nanoseconds."""
    raise NotImplementedError


@assembly("jmp cpu_loop_exit_noexc@PLT")
def leave_instruction(processor: u64) -> NoReturn:
    """Go on at the address that rip has now, and not with the instruction that was about to be."""
    raise NotImplementedError


@assembly("jmp timer_init_full@PLT")
def set_up_timer(
    timer: u64, group: u64, clock: u32, scale: u32, attributes: u32, callback: u64
) -> None:
    """Prepare a timer that calls ``callback`` when its time has come; group 0 is the usual one."""
    raise NotImplementedError


@assembly("jmp timer_mod@PLT")
def start_timer(timer: u64, time: u64) -> None:
    """Let it come at a time of its clock."""
    raise NotImplementedError


REQUIRED = (
    "qemu_get_cpu",
    "gdb_read_register",
    "x86_cpu_gdb_write_register",
    "cpu_physical_memory_rw",
    "qemu_clock_get_ns",
    "cpu_loop_exit_noexc",
    "timer_init_full",
    "timer_mod",
)
