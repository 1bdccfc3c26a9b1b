"""Memory that never changes: checked a little each time, over and over again.

No kernel can write its text, its constants or what it was told. But memory itself can fail. What
the program has to be is known since it was built; what the kernel was told, to which the boot has
added something, is taken for right the first time round.
"""

from __future__ import annotations

from questv.arch.x86.instructions import crc32c
from questv.kernel.info import SandboxInfo, info
from questv.kernel.panic import panic
from questv.metal.lang import Array, Ptr, addr, external, metal, static, u8, u32, u64
from questv.metal.structs import Struct, sizeof

_WORD = 8
_FIRST = 0xFFFF_FFFF

# The linker's, which puts constants behind the text.
text_start: u8 = external("program_text_start")
rodata_end: u8 = external("program_rodata_end")


class Stretch(Struct):
    """Memory that is checked."""

    start: u64
    end: u64
    checksum: u32  # CRC-32C of it
    is_known: bool  # whether that has been worked out


_stretches: Array[Stretch, 2] = static()
_of: u64 = static()  # index of the stretch that is being checked
_at: u64 = static()  # address of its next word
_state: u32 = static()  # of the checksum of all words of it before that


@metal
def start() -> None:
    """Begin the first round."""
    _stretches[0].start = addr(text_start)
    _stretches[0].end = addr(rodata_end)
    _stretches[0].checksum = info.heartbeat.program
    _stretches[0].is_known = True
    _stretches[1].start = addr(info)
    _stretches[1].end = addr(info) + sizeof(SandboxInfo)
    _begin(0)


@metal
def check_some(size: u64) -> None:
    """Check so many bytes more, in whole words; the kernel gives up if something has changed."""
    global _at, _state
    left = size // _WORD
    while left != 0:
        stretch = _stretches[_of]
        words = Ptr[u64](_at)
        count = min(left, (stretch.end - _at) // _WORD)
        state = _state
        for i in range(count):
            state = crc32c(state, words[i])
        _state = state
        _at += count * _WORD
        left -= count
        if _at == stretch.end:
            _compare(stretch)
            _begin((_of + 1) % len(_stretches))


@metal
def _begin(stretch: u64) -> None:
    global _of, _at, _state
    _of = stretch
    _at = _stretches[stretch].start
    _state = _FIRST


@metal
def _compare(stretch: Stretch) -> None:
    if not stretch.is_known:
        stretch.checksum = ~_state
        stretch.is_known = True
    elif stretch.checksum != ~_state:
        panic("memory that never changes has changed")
