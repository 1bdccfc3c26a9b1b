"""The serial port that shows the console, where a kernel owns one that none of its tasks drives.

Lines are sent whole and in their order, in what time there is. A task of best effort sends its
line, and those before it, as it writes it. One with a budget, or that holds a mutex, does not wait
for the port: its lines are sent while the core is idle, or before the next one of a task of best
effort. A line that was not sent before its place in the ring is needed again is left out, and the
port says how many were. What is left when the kernel ends or gives up is sent then.
"""

from __future__ import annotations

from questv.arch.x86 import uart
from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, pause, read_flags
from questv.arch.x86.registers import RFLAGS_INTERRUPTS
from questv.kernel import scheduler
from questv.kernel.console import SLOTS, console
from questv.kernel.info import VcpuKind, info
from questv.kernel.scheduler import NOBODY
from questv.kernel.status import status
from questv.metal.lang import (
    RELAXED,
    Array,
    Ptr,
    local,
    metal,
    ptr,
    static,
    text_bytes,
    u8,
    u16,
    u32,
    u64,
)
from questv.metal.structs import Struct
from questv.text import LINE, Digits, first_digit, unsigned_digits

_PATIENCE = 100_000


class Outgoing(Struct):
    """A line with its end, which the port is being given."""

    given: u64  # bytes
    length: u64
    text: Array[u8, LINE + 2]


_outgoing: Outgoing = static()
_begun: u64 = static()  # the number of the last line that was put there, or left out
_left_out: u64 = static()  # lines of which the port has not been told
_refused: u32 = static()  # times in a row that the port was busy


@metal
def start() -> None:
    """Set the port up, if there is one. What an earlier incarnation has written is not sent."""
    global _begun
    _begun = console.written.load(RELAXED)
    if info.console_port != 0:
        uart.start(u16(info.console_port))


@metal
def make_room() -> None:
    """A line is about to be written: leave the one out whose place it takes. Interrupts are off."""
    global _begun, _left_out
    if console.written.load(RELAXED) - _begun == SLOTS:
        _begun += 1
        _left_out += 1
        status.unsent_lines += 1


@metal
def may_wait() -> bool:
    """Whether who has the core can wait for the port without harm to anybody's guarantee."""
    if status.running == NOBODY:
        return True
    kind = info.vcpus[info.tasks[status.running].vcpu].kind
    return kind == VcpuKind.BEST_EFFORT and scheduler.holder == NOBODY


@metal
def send_through(number: u64) -> None:
    """Send what is left of all lines up to this one."""
    enabled = read_flags() & RFLAGS_INTERRUPTS != 0
    while _begun < number or (_begun == number and _outgoing.given < _outgoing.length):
        disable_interrupts()
        # More urgent tasks may have sent all of it meanwhile.
        if must_send():
            try_to_send()
        if enabled:
            enable_interrupts()
        pause()


@metal
def send_all() -> None:
    """Send everything that is left, whatever time it takes. Interrupts are off."""
    while must_send():
        try_to_send()
        pause()


@metal
def must_send() -> bool:
    """Whether something is left to send. Interrupts are off."""
    if info.console_port == 0:
        return False
    return _outgoing.given < _outgoing.length or _begun < console.written.load(RELAXED)


@metal
def try_to_send() -> None:
    """Give the port a byte, if it takes one. There is something to send; interrupts are off.

    A port that stays busy for ever is given it all the same, and loses it.
    """
    global _refused
    if not uart.is_ready(u16(info.console_port)) and _refused < _PATIENCE:
        _refused += 1
        return
    _refused = 0
    if _outgoing.given == _outgoing.length:
        _begin_line()
    uart.send(u16(info.console_port), _outgoing.text[_outgoing.given])
    _outgoing.given += 1


@metal
def _begin_line() -> None:
    """Put the next line where it is sent from, or how many were left out before it."""
    global _begun
    _outgoing.given = 0
    _outgoing.length = 0
    if _left_out != 0:
        _put_note()
    else:
        slot = console.slots[_begun % SLOTS]
        _put(ptr(slot.text[0]), u64(slot.length))
        _begun += 1
    _put(text_bytes("\r\n"), 2)


@metal
def _put_note() -> None:
    global _left_out
    digits: Digits = local()
    unsigned_digits(digits, _left_out, 10, 0, False)
    _left_out = 0
    text = " of the lines before this were not sent in time)"
    _put(text_bytes("("), 1)
    _put(first_digit(digits), digits.length)
    _put(text_bytes(text), len(text))


@metal
def _put(bytes: Ptr[u8], length: u64) -> None:
    for i in range(length):
        _outgoing.text[_outgoing.length + i] = bytes[i]
    _outgoing.length += length
