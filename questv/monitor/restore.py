"""A kernel's memory and core as they were before its beginning."""

from __future__ import annotations

from questv.arch.x86.instructions import clear_words, copy_words
from questv.metal.lang import Ptr, metal, u64
from questv.metal.structs import sizeof
from questv.monitor import apic, svm
from questv.monitor.memory import plan
from questv.monitor.plan import Image, Piece

_WORD = 8


@metal
def memory() -> None:
    """Write all that the kernel could have changed and that its next incarnation relies on.

    Left as they are: stacks, free memory, what devices share with it, and what is kept for the
    next incarnation. It takes nothing for granted of these.
    """
    image = plan.recovery.image
    pieces = Ptr[Piece](image + sizeof(Image))
    for i in range(Ptr[Image](image)[0].count):
        piece = pieces[i]
        to = piece.start + plan.recovery.sandbox
        copy_words(to, image + piece.source, piece.filled // _WORD)
        clear_words(to + piece.filled, (piece.size - piece.filled) // _WORD)


@metal
def core(incarnation: u64) -> None:
    """Take everything from the core that the kernel has left there, and begin anew."""
    apic.reset()
    svm.set_up(incarnation)
