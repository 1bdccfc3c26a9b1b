"""Address spaces: the kernel's own, and that of each process, which shows the kernel's besides."""

from __future__ import annotations

from questv.arch.x86.instructions import read_cr3, write_cr3
from questv.kernel.tables import task_state
from questv.metal.lang import Ptr, metal, static, u64
from questv.metal.structs import Struct


class Space(Struct):
    """The address space of a process."""

    tables: u64  # physical address of its page tables
    stack: u64  # where the kernel's stack begins for what interrupts the process


_kernel_tables: u64 = static(0)  # physical address of the kernel's own page tables
_current: u64 = static(0)  # address of the ``Space`` that is in use; 0: the kernel's own


@metal
def start() -> None:
    """Remember the tables with which the kernel was entered."""
    global _kernel_tables
    _kernel_tables = read_cr3()


@metal(inline=True)
def hand_over(space: u64) -> None:
    """A task gets the core whose ``Space`` is at this address, 0 if it is a part of the kernel."""
    if space != _current:
        _switch_to(space)


@metal
def _switch_to(space: u64) -> None:
    global _current
    _current = space
    if space == 0:
        write_cr3(_kernel_tables)
    else:
        write_cr3(Ptr[Space](space)[0].tables)
        task_state.ring0_stack = Ptr[Space](space)[0].stack
