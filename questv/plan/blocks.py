"""Bytes at physical addresses, and what a loader makes of them."""

from __future__ import annotations

from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE


@dataclass(frozen=True)
class Block:
    """Bytes at a physical address; ``size`` is at least their number, the rest is zero."""

    start: int
    contents: bytes
    size: int

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + self.size


@dataclass(frozen=True)
class Segment:
    """What a loader puts at a physical address: bytes, then zeros up to ``size``."""

    start: int
    contents: bytes
    size: int


def segments(blocks: list[Block]) -> list[Segment]:
    """Blocks by address, each with its neighbours where they touch."""
    made: list[tuple[int, bytearray, int]] = []
    for block in blocks:
        if made:
            start, image, size = made[-1]
            # Zeros in the middle of a segment are cheap only if there are few of them.
            if start + size == block.start and size - len(image) <= 4 * PAGE_SIZE:
                if block.contents:
                    image.extend(bytes(size - len(image)))
                    image.extend(block.contents)
                made[-1] = (start, image, size + block.size)
                continue
        made.append((block.start, bytearray(block.contents), block.size))
    return [Segment(start, bytes(image), size) for start, image, size in made]
