"""Processes: tasks with an address space of their own, in ring 3.

To the scheduler a process is a task like others, whose function is ``run``: it takes the core to
ring 3, and comes back when the process's own function has returned. Interrupts that come in
between, and calls that the process makes, run on the task's stack in the kernel. What a process
does wrong ends its task, and ``Process.fault`` says why; the kernel and its other tasks go on.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

from questv.arch.x86.instructions import enable_interrupts, read_cr2, read_tsc
from questv.channel.sleep import Area
from questv.kernel import clock, doorbells, jobs, tasks
from questv.kernel.doorbells import Wait
from questv.kernel.floats import FloatState
from questv.kernel.info import MAX_ARGUMENTS, Call, info
from questv.kernel.log import log, log_bytes, log_end, log_part
from questv.kernel.process_info import FAULT_TEXT, ProcessInfo
from questv.kernel.ring3 import enter, leave
from questv.kernel.spaces import Space
from questv.kernel.stubs import ExceptionFrame
from questv.metal.lang import Array, Ptr, addr, metal, ptr, static, u8, u32, u64
from questv.metal.structs import Struct, at, width

_PAGE_FAULT = 14
_RETURNED, _FAULTED = 0, 1  # what ``enter`` results in


@width(u32)
class FaultKind(IntEnum):
    """Why a process was ended."""

    NONE = 0
    EXCEPTION = 1  # the processor reported one; ``vector`` says which
    GAVE_UP = 2  # it called panic(); ``text`` says why
    BAD_CALL = 3  # it made a system call that there is not
    BAD_END = 4  # it named an end of a channel that it does not have
    BAD_MEMORY = 5  # it passed bytes that are not all in its program, or more than a call takes


class Fault(Struct):
    """What a process has done when it was ended."""

    kind: FaultKind
    vector: u32  # of the exception
    error: u64  # the exception's error code
    address: u64  # of a page fault
    call: u64  # number of the system call
    arguments: Array[u64, 2]
    time: u64  # time-stamp counter
    rip: u64
    rsp: u64
    rbp: u64
    rflags: u64
    length: u64  # bytes of the text
    text: Array[u8, FAULT_TEXT]


class Process(Struct, size=4096):
    """What a kernel keeps of a process, on a page that the process does not see.

    The builder fills in ``info`` and the tables of ``space``, at whose address it lies.
    """

    space: Space = at(0x000)
    floats: FloatState = at(0x010)
    info: Ptr[ProcessInfo] = at(0x210)
    has_begun: bool = at(0x218)
    fault: Fault = at(0x220)
    waits: Array[Wait, MAX_ARGUMENTS] = at(0x400)


_nowhere: Area = static()  # where the kernel withdraws announcements, which a process makes itself


@metal
def start() -> None:
    """Tell every process the time, and let the doorbells of its ends lead to it."""
    for i in range(info.task_count):
        if info.tasks[i].process != 0:
            _start(of_task(u64(i)))


@metal
def _start(process: Process) -> None:
    told = process.info[0]
    told.start_tsc = info.machine.start_tsc
    told.clock_per_tick = clock.per_tick()
    for i in range(told.end_count):
        doorbells.connect(process.waits[i], told.ends[i])
        process.waits[i].own = ptr(_nowhere)
        process.waits[i].peer = ptr(_nowhere)


@metal(inline=True)
def of_task(task: u64) -> Process:
    """The process that a task is."""
    return Ptr[Process](info.tasks[task].process)[0]


@metal
def has_core() -> bool:
    """Whether the task that has the core is a process."""
    task = tasks.current()
    return task < u64(info.task_count) and info.tasks[task].process != 0


@metal(export="kernel_run_process")
def run(address: u64, initialize: u64) -> None:
    """Call the task's function of the process at this address, or what initializes it.

    What the process does wrong ends it.
    """
    process = Ptr[Process](address)[0]
    told = process.info[0]
    if not process.has_begun:
        process.has_begun = True
        _call(process, told.start)
    _call(process, told.initialize if initialize != 0 else told.body)


@metal
def _call(process: Process, what: Call) -> None:
    """Call a function of a process, unless the process has done something wrong."""
    if process.fault.kind != FaultKind.NONE:
        return
    told = process.info[0]
    place = told.place + addr(what) - addr(told)
    if enter(told.entry, told.stack_top, place, process.space) == _FAULTED:
        enable_interrupts()
        jobs.finish()
        _report(process.fault)


@metal
def leave_returned() -> NoReturn:
    """The function that was called has returned."""
    leave(_RETURNED)


# ---- what a process does wrong -----------------------------------------------------------------


@metal
def end_for_exception(frame: ExceptionFrame) -> NoReturn:
    """End the process that has the core for an exception that it has caused."""
    fault = of_task(tasks.current()).fault
    fault.kind = FaultKind.EXCEPTION
    fault.vector = u32(frame.vector)
    fault.error = frame.error
    fault.address = read_cr2() if frame.vector == _PAGE_FAULT else 0
    fault.time = read_tsc()
    fault.rip = frame.rip
    fault.rsp = frame.rsp
    fault.rbp = frame.rbp
    fault.rflags = frame.rflags
    leave(_FAULTED)


@metal
def end_for(kind: FaultKind) -> NoReturn:
    """End the process that has the core for a reason that the caller has written down."""
    fault = of_task(tasks.current()).fault
    fault.kind = kind
    fault.time = read_tsc()
    leave(_FAULTED)


@metal
def _report(fault: Fault) -> None:
    """A line for those who see nothing but the console."""
    match fault.kind:
        case FaultKind.EXCEPTION:
            log(f"ended: exception {u64(fault.vector)} at 0x{fault.rip:x}")
        case FaultKind.GAVE_UP:
            log_part("gave up: ")
            log_bytes(ptr(fault.text[0]), fault.length)
            log_end()
        case _:
            log(f"ended: system call {fault.call} that it may not make, at 0x{fault.rip:x}")
