"""Why processes were ended: what their kernels wrote down, for people."""

from __future__ import annotations

from collections.abc import Mapping

from questv.inspect import words
from questv.inspect.guest import Guest
from questv.inspect.model import FaultReport, Frame
from questv.inspect.trace import Stack
from questv.kernel.process_info import SystemCall
from questv.kernel.processes import Fault, FaultKind, Process
from questv.metal.tree import TrapKind
from questv.plan.model import ProcessPlan, SandboxPlan
from questv.plan.programs import Program

_INVALID_OPCODE = 6
_TRAP = bytes.fromhex("670fb940")
"""``ud1 eax, [eax + kind]`` but for its last byte, the kind: how compiled code stops itself."""


def faults_of(
    guest: Guest, sandbox: SandboxPlan, programs: Mapping[str, Program]
) -> tuple[FaultReport, ...]:
    """Those of a sandbox's processes that were ended for something that they did."""
    found = []
    for process in sandbox.processes:
        fault = guest.of(sandbox, Process, process.object).fault
        if fault.kind != FaultKind.NONE:
            found.append(
                FaultReport(
                    task=sandbox.tasks[process.task].name,
                    reason=_reason(guest, sandbox, fault),
                    time=guest.clock.nanoseconds(int(fault.time)),
                    trace=_trace(guest, sandbox, process, fault, programs),
                )
            )
    return tuple(found)


def _reason(guest: Guest, sandbox: SandboxPlan, fault: Fault) -> str:
    first, second = (int(argument) for argument in fault.arguments)
    match fault.kind:
        case FaultKind.EXCEPTION:
            trap = _trap(guest, sandbox, fault)
            return trap or words.fault(int(fault.vector), int(fault.error), int(fault.address))
        case FaultKind.GAVE_UP:
            text = bytes(fault.text)[: int(fault.length)]
            return f"gave up: {text.decode(errors='replace')}"
        case FaultKind.BAD_CALL:
            return f"made system call {int(fault.call)}, which does not exist"
        case FaultKind.BAD_END:
            return f"{_call(fault)} end {first}, which it does not have"
        case FaultKind.BAD_MEMORY:
            return f"{_call(fault)} {second} bytes at {first:#x}, which it may not pass"
        case _:
            return "its record does not say why"


def _call(fault: Fault) -> str:
    try:
        name = SystemCall(int(fault.call)).name.lower().replace("_", " ")
    except ValueError:
        name = str(int(fault.call))
    return f"made system call '{name}' for"


def _trap(guest: Guest, sandbox: SandboxPlan, fault: Fault) -> str | None:
    """Why compiled code has stopped itself, if it has."""
    if fault.vector != _INVALID_OPCODE:
        return None
    try:
        code = guest.read(sandbox.physical(int(fault.rip)), len(_TRAP) + 1)
    except LookupError:
        return None
    if not code.startswith(_TRAP):
        return None
    try:
        return TrapKind(code[-1]).words
    except ValueError:
        return f"trap {code[-1]}"


def _trace(
    guest: Guest,
    sandbox: SandboxPlan,
    process: ProcessPlan,
    fault: Fault,
    programs: Mapping[str, Program],
) -> tuple[Frame, ...]:
    stack = Stack(guest, sandbox, programs[process.program].symbols)
    return stack.calls(int(fault.rip), int(fault.rbp), int(fault.rsp))
