"""What a plugin asks of Linux itself: it has no library but the emulator's."""

from __future__ import annotations

from questv.metal.lang import asm, i64, metal, u64

_OPEN, _MMAP, _EXIT_GROUP = 2, 9, 231  # Linux's numbers
_READ_WRITE = 2
_PROTECTION, _SHARED = 3, 1


@metal
def map_file(path: u64, size: u64) -> u64:
    """The file at ``path``, in memory and shared with whoever has it too; 0 if that can't be."""
    file = _system_call(_OPEN, path, _READ_WRITE, 0, 0, 0)
    if file < 0:
        return 0
    mapped = _system_call(_MMAP, 0, size, _PROTECTION, _SHARED, u64(file))
    return u64(mapped) if mapped > 0 else 0


@metal
def end_process() -> None:
    """End the emulator, here and now; what it shares with others stays as it is."""
    _system_call(_EXIT_GROUP, 0, 0, 0, 0, 0)


@metal
def _system_call(number: u64, first: u64, second: u64, third: u64, fourth: u64, fifth: u64) -> i64:
    """One of Linux's; its sixth argument is 0."""
    return asm(
        "syscall",
        i64,
        "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11}",
        number,
        first,
        second,
        third,
        fourth,
        fifth,
        u64(0),
    )
