"""What a process and its kernel agree on: system calls, and the page that the process reads."""

from __future__ import annotations

from enum import IntEnum

from questv.kernel.info import MAX_ARGUMENTS, Call, EndInfo, InputInfo
from questv.kernel.states import KeptStates
from questv.metal.lang import Array, u32, u64
from questv.metal.structs import Struct, width

SYSTEM_CALL_VECTOR = 0xF0
"""Of the interrupt by which a process calls its kernel; above all doorbells."""


FAULT_TEXT = 120
"""Bytes of the reason for which a process gives up."""


@width(u64)
class SystemCall(IntEnum):
    """What a process can ask of its kernel: the number in rax, arguments in rdi and rsi.

    The result is in rax; what else a call may change by convention is zero afterwards.
    """

    RETURN = 1  # the function that was called has returned
    SLEEP_UNTIL = 2  # rdi: a moment in nanoseconds since the machine's start; may end early
    WAIT = (
        3  # sleep until the doorbell of end rdi comes, or came since the last wait; rsi: deadline
    )
    RING = 4  # ring the other side of end rdi
    LOG = 5  # write rsi bytes at rdi as a line
    FINISH = 6  # let this call of the task's function be the last
    GIVE_UP = 7  # end, for the reason of rsi bytes at rdi
    MOVE = 8  # ask to be moved to place rdi; the result is 1 if that is one of its places, else 0


class ProcessInfo(Struct, size=4096):
    """What a process is told; the builder and the kernel write it, the process reads it.

    Addresses are the process's.
    """

    place: u64  # of this
    entry: u64  # where its code is entered, with the address of a ``Call`` in rdi
    start: Call  # called once, before all others
    initialize: Call  # the task's own
    body: Call
    stack_top: u64
    program: u64  # its program, in which all that it passes by address has to lie
    program_size: u64
    start_tsc: u64  # the clock: see ``kernel.clock``
    clock_per_tick: u64
    incarnation: u64  # its kernel's number: see ``kernel.incarnation``
    session: u64  # of the kernel's life: see ``kernel.incarnation``
    end_count: u32
    input_count: u32
    ends: Array[EndInfo, MAX_ARGUMENTS]
    inputs: Array[InputInfo, MAX_ARGUMENTS]
    kept: KeptStates  # those of its states that survive
