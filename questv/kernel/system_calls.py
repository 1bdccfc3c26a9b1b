"""What a process asks of its kernel. All that it says is hostile: each argument is checked first.

A call runs on the task's stack in the kernel, with interrupts on, as a function of a task does.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import doorbells, jobs, movers, processes, tasks, timers
from questv.kernel.doorbells import Wait, WaitState
from questv.kernel.log import log_bytes, log_end
from questv.kernel.process_info import FAULT_TEXT, SystemCall
from questv.kernel.processes import FaultKind, Process
from questv.kernel.ring3 import CallFrame
from questv.metal.lang import Ptr, metal, u8, u64
from questv.metal.structs import sizeof
from questv.text import LINE


@metal(export="kernel_system_call")
def system_call(first: u64, second: u64, number: u64) -> u64:
    """Do what a process asks for; what it may not ask for ends it."""
    process = processes.of_task(tasks.current())
    match SystemCall(number):
        case SystemCall.RETURN:
            processes.leave_returned()
        case SystemCall.SLEEP_UNTIL:
            timers.sleep_until(first)
        case SystemCall.WAIT:
            _wait(_end(process, number, first, second), second)
        case SystemCall.RING:
            _ring(_end(process, number, first, second))
        case SystemCall.LOG:
            log_bytes(_bytes(process, LINE, number, first, second), second)
            log_end()
        case SystemCall.FINISH:
            jobs.finish()
        case SystemCall.GIVE_UP:
            _give_up(process, _bytes(process, FAULT_TEXT, number, first, second), second)
        case SystemCall.MOVE:
            return u64(movers.request(process, first))
        case _:
            _refuse(FaultKind.BAD_CALL, process, number, first, second)
    return 0


# ---- arguments ---------------------------------------------------------------------------------


@metal
def _end(process: Process, number: u64, first: u64, second: u64) -> Wait:
    """The end of a channel that is meant by the first argument."""
    if first >= u64(process.info[0].end_count):
        _refuse(FaultKind.BAD_END, process, number, first, second)
    return process.waits[first]


@metal
def _bytes(process: Process, most: u64, number: u64, first: u64, second: u64) -> Ptr[u8]:
    """The bytes that are meant by an address and a length: they have to lie in its program."""
    told = process.info[0]
    if second > most or first < told.program or first - told.program > told.program_size - second:
        _refuse(FaultKind.BAD_MEMORY, process, number, first, second)
    return Ptr[u8](first)


@metal
def _refuse(kind: FaultKind, process: Process, number: u64, first: u64, second: u64) -> None:
    """End the process for a call that it may not make."""
    process.fault.call = number
    process.fault.arguments[0] = first
    process.fault.arguments[1] = second
    _end_for(kind, process)


@metal
def _end_for(kind: FaultKind, process: Process) -> None:
    """End the process, and write down where it has made the call."""
    # The processor begins on 16 bytes (APM vol. 2, 8.9.3).
    frame = Ptr[CallFrame]((process.space.stack & ~u64(15)) - sizeof(CallFrame))[0]
    process.fault.rip = frame.rip
    process.fault.rsp = frame.rsp
    process.fault.rbp = frame.rbp
    process.fault.rflags = frame.rflags
    processes.end_for(kind)


# ---- what is asked for -------------------------------------------------------------------------


@metal
def _wait(wait: Wait, deadline: u64) -> None:
    """Sleep until the doorbell of an end comes, unless it has come since the last wait."""
    disable_interrupts()
    if wait.state == WaitState.RUNG:
        wait.state = WaitState.AWAKE
        enable_interrupts()
    else:
        wait.state = WaitState.ASLEEP
        doorbells.sleep(wait, deadline)


@metal
def _ring(wait: Wait) -> None:
    """Ring the doorbell of the other side of an end."""
    doorbells.ring(wait)


@metal
def _give_up(process: Process, text: Ptr[u8], length: u64) -> None:
    """End the process for its own reason."""
    for i in range(length):
        process.fault.text[i] = text[i]
    process.fault.length = length
    _end_for(FaultKind.GAVE_UP, process)
