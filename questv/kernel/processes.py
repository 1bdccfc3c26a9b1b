"""Processes: tasks with an address space of their own, in ring 3.

To the scheduler a process is a task like others, whose function is ``run``: it takes the core to
ring 3, and comes back when the process's own function has returned. Interrupts that come in
between, and calls that the process makes, run on the task's stack in the kernel. What a process
does wrong ends its task, and ``Process.fault`` says why; the kernel and its other tasks go on.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_cr2, read_tsc
from questv.arch.x86.registers import RFLAGS_FIXED, RFLAGS_INTERRUPTS
from questv.channel.sleep import Area
from questv.kernel import clock, doorbells, incarnation, jobs, tasks
from questv.kernel.doorbells import Wait, WaitState
from questv.kernel.floats import FloatState
from questv.kernel.info import MAX_ARGUMENTS, Call, info
from questv.kernel.log import log, log_bytes, log_end, log_part
from questv.kernel.moves import Mover
from questv.kernel.process_info import FAULT_TEXT, ProcessInfo
from questv.kernel.ring3 import enter, enter_again, leave
from questv.kernel.spaces import Space
from questv.kernel.stubs import ExceptionFrame
from questv.metal.lang import Array, Ptr, addr, metal, ptr, static, u8, u32, u64
from questv.metal.structs import Struct, at, width

_PAGE_FAULT = 14
_IN_FRAME = 15  # registers that a process which stops has pushed
_RFLAGS_OF_PROCESS = 0x0CD5
"""What a process has of rflags: carry, parity, auxiliary, zero, sign, direction, overflow."""
_RETURNED, _FAULTED, _STOPPED = 0, 1, 2  # what ``enter`` results in


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
    mover: Mover = at(0x800)


_nowhere: Area = static()  # where the kernel withdraws announcements, which a process makes itself


@metal
def start() -> None:
    """Tell every process the time and the session, and let the doorbells of its ends lead to it."""
    for i in range(info.task_count):
        if info.tasks[i].process != 0:
            _start(of_task(u64(i)))


@metal
def _start(process: Process) -> None:
    told = process.info[0]
    told.start_tsc = info.machine.start_tsc
    told.clock_per_tick = clock.per_tick()
    told.incarnation = incarnation.number
    told.session = incarnation.session
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
def run_body(process: Process) -> bool:
    """Call the task's function; false if it was stopped before it has returned."""
    if not process.has_begun:
        process.has_begun = True
        _call(process, process.info[0].start)
    return _call(process, process.info[0].body)


@metal
def go_on(process: Process) -> bool:
    """Go on with a function that was stopped; false if it was stopped again."""
    disable_interrupts()
    registers = process.mover.luggage.registers
    registers.rflags = registers.rflags & _RFLAGS_OF_PROCESS | RFLAGS_FIXED | RFLAGS_INTERRUPTS
    process.mover.is_inside = True
    return _has_left(process, enter_again(registers, process.space))


@metal
def _call(process: Process, what: Call) -> bool:
    """Call a function of a process, unless the process has done something wrong.

    False if it was stopped before it has returned.
    """
    if process.fault.kind != FaultKind.NONE:
        return True
    told = process.info[0]
    place = told.place + addr(what) - addr(told)
    disable_interrupts()
    process.mover.is_inside = True
    return _has_left(process, enter(told.entry, told.stack_top, place, process.space))


@metal
def _has_left(process: Process, result: u64) -> bool:
    """The process has left, with interrupts off: until here nobody else has had the core."""
    process.mover.is_inside = False
    enable_interrupts()
    if result == _FAULTED:
        jobs.finish()
        _report(process.fault)
    return result != _STOPPED


@metal
def leave_returned() -> NoReturn:
    """The function that was called has returned."""
    disable_interrupts()
    leave(_RETURNED)


@metal(export="kernel_process_stopped")
def leave_stopped(frame: Ptr[u64]) -> NoReturn:
    """The process that has the core stops; ``frame`` has the registers that are to be kept."""
    process = of_task(tasks.current())
    kept = Ptr[u64](addr(process.mover.luggage.registers))
    for i in range(u64(_IN_FRAME)):
        kept[i] = frame[i]
    rouse(process)
    leave(_STOPPED)


@metal
def rouse(process: Process) -> None:
    """Whatever it waits for, let a process look again before it sleeps."""
    for i in range(process.info[0].end_count):
        process.waits[i].state = WaitState.RUNG


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
    disable_interrupts()
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
