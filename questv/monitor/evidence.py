"""What a monitor writes down when it stops its kernel, while all is as the fault has left it."""

from __future__ import annotations

from questv.arch.x86.paging import (
    ADDRESS_MASK,
    ENTRIES,
    LARGE,
    LARGE_PAGE_SIZE,
    PAGE_SIZE,
    PRESENT,
)
from questv.metal.lang import RELAXED, RELEASE, Ptr, clear, copy, metal, ptr, u64
from questv.metal.structs import sizeof
from questv.monitor import clock
from questv.monitor.interface import CALLS, CRASHES, Action, CrashReason, CrashRecord, PanicRecord
from questv.monitor.memory import plan, public

_WORD = 8
_TOP_SHIFT, _LARGE_SHIFT, _PAGE_SHIFT, _INDEX_BITS = 39, 21, 12, 9


@metal
def begin() -> Ptr[CrashRecord]:
    """The record of a fault that has just been found, with its time and nothing else yet."""
    record = public.crashes[public.crash_count.load(RELAXED) % CRASHES]
    clear(record)
    record.time = clock.now()
    record.incarnation = public.incarnation
    return ptr(record)


@metal
def complete(record: CrashRecord, action: Action) -> None:
    """Say what is going to be done, and let others see the record."""
    record.action = action
    record.decided = clock.now()
    public.crash_count.store(public.crash_count.load(RELAXED) + 1, RELEASE)


@metal
def last() -> Ptr[CrashRecord]:
    """The newest record that is complete; there is one."""
    return ptr(public.crashes[(public.crash_count.load(RELAXED) - 1) % CRASHES])


@metal
def read_kernel(record: CrashRecord) -> None:
    """Keep what the kernel's memory says of a fault, before it is rewritten.

    All of it is hostile: the kernel may have written anything to its stack and its page tables.
    """
    frame = record.rbp
    if record.reason == CrashReason.KERNEL_PANIC:
        said = Ptr[PanicRecord](plan.recovery.panic + plan.recovery.sandbox)[0]
        copy(record.panic, said)
        frame = record.panic.rbp
    for call in range(u64(CALLS)):
        outer = _word(record.cr3, frame)
        record.calls[call] = _word(record.cr3, frame + _WORD)
        if outer <= frame or record.calls[call] == 0:
            return
        frame = outer


@metal
def _word(tables: u64, address: u64) -> u64:
    """The word at an address of the kernel's, 0 if there is none."""
    physical = _physical(tables, address)
    if address % _WORD != 0 or physical == 0:
        return 0
    return Ptr[u64](physical + plan.recovery.sandbox)[0]


@metal
def _physical(tables: u64, address: u64) -> u64:
    """Where page tables lead an address to in the sandbox's own memory; 0 if they lead elsewhere.

    The tables, too, are only looked at as far as they lie in that memory (APM vol. 2, 5.3).
    """
    table = tables & ADDRESS_MASK
    shift: u64 = _TOP_SHIFT
    while _is_own(table):
        entry = Ptr[u64](table + plan.recovery.sandbox)[address >> shift & ENTRIES - 1]
        if entry & PRESENT == 0:
            return 0
        if shift == _LARGE_SHIFT and entry & LARGE != 0:
            page = (entry & ADDRESS_MASK) + (address & LARGE_PAGE_SIZE - PAGE_SIZE)
            return page + address % PAGE_SIZE if _is_own(page) else 0
        table = entry & ADDRESS_MASK
        if shift == _PAGE_SHIFT:
            return table + address % PAGE_SIZE if _is_own(table) else 0
        shift -= _INDEX_BITS
    return 0


@metal
def _is_own(page: u64) -> bool:
    """Whether the page at a physical address is the sandbox's own memory."""
    return page - plan.recovery.start < plan.recovery.size


assert sizeof(PanicRecord) % _WORD == 0
