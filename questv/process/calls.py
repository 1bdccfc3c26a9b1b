"""System calls: asking the kernel for what a process can't do itself."""

from __future__ import annotations

from questv.kernel.process_info import SYSTEM_CALL_VECTOR, SystemCall
from questv.metal.lang import assembly, u64


def _call(number: SystemCall) -> str:
    return f"mov eax, {int(number)}\nint {SYSTEM_CALL_VECTOR}\nret"


@assembly(_call(SystemCall.SLEEP_UNTIL))
def sleep_until(nanoseconds: u64) -> None:
    """Sleep until this moment, in nanoseconds since the machine's start, or until it is moved."""


@assembly(_call(SystemCall.WAIT))
def wait(end: u64, deadline: u64) -> None:
    """Sleep until the doorbell of an end comes, or has come since the last wait, or a deadline."""


@assembly(_call(SystemCall.RING))
def ring(end: u64) -> None:
    """Ring the doorbell of the other side of an end."""


@assembly(_call(SystemCall.LOG))
def log(line: u64, length: u64) -> None:
    """Write the bytes at an address of the program as a line."""


@assembly(_call(SystemCall.FINISH))
def finish() -> None:
    """Let the current call of the periodic task that calls this be its last one."""


@assembly(_call(SystemCall.MOVE))
def move_to(place: u64) -> bool:
    """Ask for this task to be moved to another of the kernels that it can be in.

    Place 0 is its own kernel, 1 the first that ``migrates_to`` names, and so on. It goes as soon as
    its deadline allows it, wherever it is then; False if there is no such place.
    """
    raise NotImplementedError


@assembly(_call(SystemCall.GIVE_UP))
def give_up(reason: u64, length: u64) -> None:
    """End this process, for a reason in words; this does not return."""
