"""A guest's memory as the host sees it: where it lies, and how to read it while the guest runs.

All of it is one file. The guest sees that file in banks::

    guest-physical                                  in the file
    4 GiB + size - split  +-------------------+     size
                          | high bank         |
    4 GiB                 +-------------------+     split
                          | devices, firmware |     (nothing)
    split                 +-------------------+     split
                          | low bank          |
    1 MiB                 +-------------------+     1 MiB
                          | video, firmware   |     (not what the guest sees)
    640 KiB               +-------------------+     640 KiB
                          | first bank        |
    0                     +-------------------+     0

The split depends on the kind of machine and on its size: memory that reaches it continues at 4 GiB.
"""

from __future__ import annotations

import errno
import mmap
import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from questv.machine.errors import MachineError
from questv.machine.options import MIB, MachineKind

FIRST_BANK_END = 640 << 10
LOW_BANK_START = MIB
HIGH_BANK_START = 4 << 30

_LARGE = 0xB000_0000
"""From this size on q35 keeps the low bank to a round 2 GiB."""

_ADDRESS_SPACE = 1536 * MIB
"""What QEMU takes besides the guest's memory, of which it uses a small part (QEMU 10: 1.3 GiB)."""


@dataclass(frozen=True)
class Bank:
    """A stretch of guest-physical memory [start, end) that lies at ``offset`` of the file."""

    start: int
    end: int
    offset: int


@dataclass(frozen=True)
class MemoryLayout:
    """Where a machine's memory lies: ``banks`` in ascending order, ``size`` bytes in the file."""

    size: int
    banks: tuple[Bank, ...]

    @property
    def free(self) -> tuple[Bank, ...]:
        """The banks from 1 MiB on, which the firmware leaves to an image and its contents."""
        return self.banks[1:]

    def offset(self, address: int, length: int) -> int:
        """Where the ``length`` bytes at guest-physical ``address`` are in the file.

        Raises MachineError if they are not all within one bank.
        """
        for bank in self.banks:
            if bank.start <= address and address + length <= bank.end and length >= 0:
                return bank.offset + address - bank.start
        banks = ", ".join(f"{bank.start:#x}..{bank.end:#x}" for bank in self.banks)
        raise MachineError(
            f"{length} bytes at {address:#x} are not within the machine's memory",
            f"stay inside one of {banks}",
        )


def memory_layout(kind: MachineKind, size: int) -> MemoryLayout:
    """Where ``size`` bytes of memory lie on a machine of ``kind``.

    Raises MachineError unless ``size`` is a multiple of 1 MiB and at least 2 MiB.
    """
    if size < 2 * MIB or size % MIB:
        raise MachineError(
            f"a machine can't have {size} bytes of memory",
            "give it a multiple of 1 MiB, at least 2 MiB",
        )
    split = min(size, _split(kind, size))
    banks = [Bank(0, FIRST_BANK_END, 0), Bank(LOW_BANK_START, split, LOW_BANK_START)]
    if size > split:
        banks.append(Bank(HIGH_BANK_START, HIGH_BANK_START + size - split, split))
    return MemoryLayout(size, tuple(banks))


def memory_size(kind: MachineKind, low: int, end: int) -> int:
    """The size of a machine of ``kind`` with memory up to ``low``, below 4 GiB, and up to ``end``.

    Raises MachineError if this kind of machine has no memory up to ``low``.
    """
    whole = _whole_mib(low)
    if end > HIGH_BANK_START:
        high = _whole_mib(end - HIGH_BANK_START)
        whole = max(_LARGE, _split(kind, _LARGE) + high)
    split = _split(kind, whole)
    if low > split:
        raise MachineError(
            f"a {kind} machine has {split // MIB} MiB of memory below 4 GiB, and the system may "
            f"use {_whole_mib(low) // MIB} MiB",
            "set less memory in [machine], or use another kind of machine",
        )
    return whole


def _whole_mib(size: int) -> int:
    return -(-size // MIB) * MIB


def _split(kind: MachineKind, size: int) -> int:
    match kind:
        case MachineKind.MICROVM:
            return 0xC000_0000
        case MachineKind.Q35:
            return 0x8000_0000 if size >= _LARGE else _LARGE


def make_memory(file: Path, layout: MemoryLayout) -> None:
    """Make the memory ``file``: nothing but a hole, which takes no room.

    Raises MachineError if it can't be that long, or if QEMU could not map it.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = layout.size + _ADDRESS_SPACE
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise MachineError(
            f"a machine needs {needed // MIB} MiB of address space, and this process is given"
            f" {limit // MIB} MiB",
            "raise the limit: ulimit -v unlimited",
        )
    try:
        with file.open("xb") as memory:
            memory.truncate(layout.size)
    except OSError as error:
        raise MachineError(
            f"can't make a file of {layout.size // MIB} MiB, which takes no room, in"
            f" {file.parent}: {error.strerror}",
            "raise the limit (ulimit -f unlimited), or set TMPDIR to a directory of another file"
            " system",
        ) from error


class GuestMemory:
    """A guest's memory, shared with the guest: what it writes is here at once, and the reverse.

    Addresses are guest-physical. Every access must lie within one bank of ``layout``, or it raises
    MachineError. A context manager; ``close`` ends it.
    """

    def __init__(self, file: Path, layout: MemoryLayout, *, writable: bool = False) -> None:
        """Open the memory ``file``, which must be as long as ``layout`` says.

        Raises MachineError if it is not, and OSError if the file can't be opened.
        """
        self.layout = layout
        self._file = file.open("r+b" if writable else "rb", buffering=0)
        try:
            found = os.fstat(self._file.fileno()).st_size
            if found != layout.size:
                raise MachineError(
                    f"{file} has {found} bytes, not the {layout.size} of the machine's memory",
                    "start the machine again",
                )
            self._map = mmap.mmap(self._file.fileno(), layout.size, access=mmap.ACCESS_READ)
        except BaseException:
            self._file.close()
            raise

    def read(self, address: int, length: int) -> bytes:
        """A copy of ``length`` bytes.

        It takes no memory for pages that nobody has written. The guest may write meanwhile: for a
        word in one piece, use ``view``.
        """
        offset = self.layout.offset(address, length)
        data = bytearray(length)
        done = 0
        while done < length:
            count = os.preadv(self._file.fileno(), [memoryview(data)[done:]], offset + done)
            if count == 0:
                raise MachineError(
                    f"the machine's memory ends before {address + done:#x}",
                    "look at it only while the machine is there",
                )
            done += count
        return bytes(data)

    def held(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """The parts of ``length`` bytes, by address and length, that may be other than zero.

        All else has never been written.
        """
        offset = self.layout.offset(address, length)
        at, end = offset, offset + length
        while at < end:
            try:
                start = os.lseek(self._file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing more up to the end of the file
                    return
                raise
            if start >= end:
                return
            at = min(os.lseek(self._file.fileno(), start, os.SEEK_HOLE), end)
            yield address + start - offset, at - start

    def view(self, address: int, length: int) -> memoryview:
        """The live memory itself, read-only; it stays valid after ``close`` and after the guest.

        An aligned word read from it (``view(...).cast("Q")[0]``) is never half old and half new.
        The first look at a page that nobody has written takes a page of the host's memory.
        """
        offset = self.layout.offset(address, length)
        return memoryview(self._map)[offset : offset + length]

    def write(self, address: int, data: bytes) -> None:
        """Put ``data`` into the guest's memory. Raises OSError if it was not opened writable."""
        offset = self.layout.offset(address, len(data))
        done = 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), memoryview(data)[done:], offset + done)

    def close(self) -> None:
        """Let go of the memory; views that somebody still holds keep theirs. Repeatable."""
        self._file.close()
        with suppress(BufferError):  # A view is held: the mapping goes when the last one does.
            self._map.close()

    def __enter__(self) -> GuestMemory:
        """Give this memory; it is closed on the way out."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the memory."""
        self.close()
