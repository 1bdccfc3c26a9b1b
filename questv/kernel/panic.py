"""Giving up, with a report that says why."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import disable_interrupts, halt, read_cr2
from questv.kernel import console_port
from questv.kernel.hypercall import hypercall
from questv.kernel.log import log
from questv.kernel.status import status
from questv.kernel.stubs import ExceptionFrame
from questv.metal.lang import Ptr, asm, metal, text_bytes, u8, u32, u64
from questv.monitor.interface import PANIC_TEXT, Hypercall, PanicReason

_INVALID_OPCODE, _PAGE_FAULT = 6, 14
_UD1_LENGTH = 5
_UD1_EAX = 0x40B9_0F67  # ud1 eax, [eax + kind]: how compiled code stops itself


@metal
def panic(reason: str) -> NoReturn:
    """Stop this kernel; ``reason`` goes into the crash record and on the console."""
    disable_interrupts()
    record = status.panic
    record.reason = PanicReason.MESSAGE
    record.task = u32(status.running)
    for i in range(min(len(reason), PANIC_TEXT)):
        record.text[i] = text_bytes(reason)[i]
    record.rbp = asm("mov $0, rbp", u64, "=r")
    record.rip = Ptr[u64](record.rbp)[1]
    log(f"panic: {reason}")
    _give_up()


@metal
def for_exception(frame: ExceptionFrame) -> NoReturn:
    """Stop this kernel for an exception; one that comes while it is being reported adds nothing."""
    record = status.panic
    if record.reason != PanicReason.NONE:
        _stop()
    record.reason = PanicReason.EXCEPTION
    record.task = u32(status.running)
    record.vector = u32(frame.vector)
    record.error = frame.error
    record.rip = frame.rip
    record.rsp = frame.rsp
    record.rbp = frame.rbp
    record.rflags = frame.rflags
    if frame.vector == _INVALID_OPCODE and _is_trap(frame.rip):
        record.reason = PanicReason.TRAP
        record.trap = u32(Ptr[u8](frame.rip)[_UD1_LENGTH - 1])
        log(f"panic: a check in compiled code failed at 0x{frame.rip:x}")
    elif frame.vector == _PAGE_FAULT:
        record.address = read_cr2()
        log(f"panic: page fault at 0x{frame.rip:x}, address 0x{record.address:x}")
    else:
        log(f"panic: exception {frame.vector} at 0x{frame.rip:x}, error 0x{frame.error:x}")
    _give_up()


@metal
def for_watchdog(task: u64, frame: u64) -> NoReturn:
    """Stop this kernel as a task has not said in time that it goes on; it is in ``frame``."""
    record = status.panic
    record.reason = PanicReason.WATCHDOG
    record.task = u32(task)
    record.rbp = frame
    record.rip = Ptr[u64](frame)[1]
    log(f"panic: the watchdog of task {task} ran out")
    _give_up()


@metal
def _is_trap(rip: u64) -> bool:
    return Ptr[u32](rip)[0] == _UD1_EAX


@metal
def _give_up() -> NoReturn:
    console_port.send_all()
    _stop()


@metal
def _stop() -> NoReturn:
    hypercall(Hypercall.PANIC, u64(status.panic.reason), 0)
    while True:
        halt()
