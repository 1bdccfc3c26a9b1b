"""Where a stopped foreign kernel is: its stack, through the page tables that it made itself."""

from __future__ import annotations

from collections.abc import Iterator

from questv.arch.x86.paging import ADDRESS_MASK, ENTRIES, LARGE, PRESENT
from questv.arch.x86.registers import Cr0, Efer
from questv.inspect.guest import Guest
from questv.inspect.model import Frame
from questv.metal.symbols import Symbols
from questv.monitor.interface import CrashRecord
from questv.plan.model import SandboxPlan

CALL_LIMIT = 64
"""Calls that are followed at most."""

_WORD = 8
_LEVELS = (39, 30, 21, 12)  # the lowest bit that each level of tables looks at


def foreign_calls(
    guest: Guest, sandbox: SandboxPlan, record: CrashRecord, symbols: Symbols | None
) -> tuple[Frame, ...]:
    """The calls down to where a kernel was stopped, the innermost first.

    They are found as in kernels of ours, by frame pointers; one that keeps none shows one call. The
    file's ``symbols`` give the names, where it has them.
    """
    frames = [_frame(symbols, int(record.rip), int(record.rip))]
    for address in _return_addresses(guest, sandbox, record):
        frames.append(_frame(symbols, address, address - 1))
    return tuple(frames)


def _frame(symbols: Symbols | None, address: int, inside: int) -> Frame:
    function = symbols.function_at(inside) if symbols else None
    return Frame(function=function.name if function else "?", file="", line=0, address=address)


def _return_addresses(guest: Guest, sandbox: SandboxPlan, record: CrashRecord) -> Iterator[int]:
    """Where each call returns to; ends where the chain of frames does, or breaks."""
    frame = int(record.rbp)
    if not int(record.efer) & Efer.LONG_MODE_ACTIVE:
        return  # 32-bit code has other frames
    for _ in range(CALL_LIMIT):
        outer = _word(guest, sandbox, record, frame)
        address = _word(guest, sandbox, record, frame + _WORD)
        if frame % _WORD or not address or outer is None:
            return
        yield address
        if outer <= frame:
            return
        frame = outer


def _word(guest: Guest, sandbox: SandboxPlan, record: CrashRecord, address: int) -> int | None:
    """The 8 bytes at a virtual address; None if the kernel has none there."""
    physical = translate(guest, sandbox, record, address)
    return None if physical is None else guest.word(sandbox, physical)


def translate(guest: Guest, sandbox: SandboxPlan, record: CrashRecord, address: int) -> int | None:
    """The kernel's own physical address of a virtual one (APM vol. 2, 5.3); None if it has none."""
    if not int(record.cr0) & Cr0.PAGING:
        return address
    table = int(record.cr3) & ADDRESS_MASK
    for shift in _LEVELS:
        index = address >> shift & ENTRIES - 1
        entry = guest.word(sandbox, table + index * _WORD)
        if entry is None or not entry & PRESENT:
            return None
        table = entry & ADDRESS_MASK
        if shift == 12 or (shift < 39 and entry & LARGE):
            return table & -(1 << shift) | address & (1 << shift) - 1
    return None
