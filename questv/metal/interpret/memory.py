"""The memory of one abstract machine: regions with exact bounds and rights."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TypeVar

from questv.metal.interpret.faults import MemoryFault
from questv.metal.structs import Struct

S = TypeVar("S", bound=Struct)


@dataclass(frozen=True)
class Region:
    """A stretch of memory.

    What is ``shared`` belongs to whoever drives the run, who answers for every access to it.
    """

    start: int
    contents: bytearray
    shared: bool = False
    writable: bool = True

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.start + len(self.contents)


FIRST_RESERVED = 1 << 40
"""Where the memory begins that ``Memory.reserve`` hands out."""
_GAP = 64


class Memory:
    """Regions that do not overlap; an access lies in one of them whole."""

    def __init__(self) -> None:
        """Empty: every access faults."""
        self._starts: list[int] = []
        self._regions: list[Region] = []
        self._next = FIRST_RESERVED

    def map(
        self, start: int, contents: bytes, *, shared: bool = False, writable: bool = True
    ) -> Region:
        """Put a copy of ``contents`` at ``start``; raises ValueError if something lies there."""
        region = Region(start, bytearray(contents), shared, writable)
        index = bisect.bisect(self._starts, start)
        neighbours = self._regions[max(0, index - 1) : index + 1]
        if any(start < other.end and other.start < region.end for other in neighbours):
            raise ValueError(f"{start:#x} to {region.end:#x} is not free")
        self._starts.insert(index, start)
        self._regions.insert(index, region)
        return region

    def reserve(self, contents: bytes, *, writable: bool = True) -> Region:
        """Put a copy of ``contents`` at an address that nobody else has, aligned to 64."""
        region = self.map(self._next, contents, writable=writable)
        self._next = -(-region.end // _GAP) * _GAP + _GAP  # neighbours never touch
        return region

    def region(self, address: int, size: int, *, write: bool = False) -> Region:
        """The region that ``size`` bytes at ``address`` lie in; raises MemoryFault."""
        index = bisect.bisect(self._starts, address) - 1
        if index >= 0:
            found = self._regions[index]
            if address + size <= found.end:
                if write and not found.writable:
                    raise MemoryFault(f"write of {size} bytes to {address:#x}, which is read-only")
                return found
        what = "write" if write else "read"
        raise MemoryFault(f"{what} of {size} bytes at {address:#x}, where nothing is mapped")

    def read(self, address: int, size: int) -> int:
        """``size`` bytes as an unsigned number; raises MemoryFault."""
        region = self.region(address, size)
        start = address - region.start
        return int.from_bytes(region.contents[start : start + size], "little")

    def write(self, address: int, size: int, value: int) -> None:
        """Set ``size`` bytes to an unsigned number; raises MemoryFault."""
        region = self.region(address, size, write=True)
        start = address - region.start
        region.contents[start : start + size] = value.to_bytes(size, "little")

    def view(self, struct: type[S], address: int) -> S:
        """The struct at ``address``, for the host to read and set; raises MemoryFault."""
        region = self.region(address, struct.__metal_type__.size)
        return struct.view(region.contents, address - region.start)
