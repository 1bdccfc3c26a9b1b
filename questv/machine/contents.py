"""Files that are in the guest's memory before it starts."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from questv.machine.errors import MachineError
from questv.machine.image import Extent
from questv.machine.memory import MemoryLayout

CHUNK = 16 << 20
"""Bytes copied between two reports of progress: a few milliseconds' worth."""

Progress = Callable[[int, int], None]
"""Called with the bytes copied so far and the bytes in all."""


@dataclass(frozen=True)
class Content:
    """An open file of ``size`` bytes that belongs at guest-physical ``address``."""

    address: int
    size: int
    path: Path
    file: BinaryIO

    @property
    def extent(self) -> Extent:
        """The memory that the file will take."""
        return Extent(self.address, self.address + self.size, f"the file {self.path}")


def open_contents(contents: tuple[tuple[int, Path], ...], stack: ExitStack) -> tuple[Content, ...]:
    """Open all ``contents``, to be closed with ``stack``.

    Raises MachineError if one is missing or is not a regular file.
    """
    opened = []
    for address, path in contents:
        try:
            file = stack.enter_context(path.open("rb", buffering=0))
            status = os.fstat(file.fileno())
        except OSError as error:
            raise MachineError(
                f"can't read {path}: {error.strerror}", "name a file that is there and readable"
            ) from error
        if not stat.S_ISREG(status.st_mode):
            raise MachineError(f"{path} is not a regular file", "save it to a file first")
        opened.append(Content(address, status.st_size, path, file))
    return tuple(opened)


def copy_contents(
    contents: tuple[Content, ...], memory: Path, layout: MemoryLayout, progress: Progress | None
) -> None:
    """Copy all ``contents`` to their places in the ``memory`` file.

    Raises MachineError if a file has become shorter since it was opened, or the room runs out.
    """
    total = sum(content.size for content in contents)
    done = 0
    with memory.open("r+b", buffering=0) as target:
        for content in contents:
            start = layout.offset(content.address, content.size)
            copied = 0
            while copied < content.size:
                count = _copy(content, copied, target, start + copied)
                copied += count
                done += count
                if progress is not None:
                    progress(done, total)


def _copy(content: Content, position: int, target: BinaryIO, offset: int) -> int:
    """Copy one chunk of ``content`` from ``position`` on; the number of bytes that were copied."""
    try:
        count = _copy_chunk(
            content.file.fileno(),
            position,
            target.fileno(),
            offset,
            min(CHUNK, content.size - position),
        )
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise MachineError(
            f"no room left for a copy of {content.path} in {Path(target.name).parent}",
            "free some memory or disk there",
        ) from error
    if count == 0:
        raise MachineError(
            f"{content.path} became shorter while it was being copied", "start the machine again"
        )
    return count


def _copy_chunk(source: int, position: int, target: int, offset: int, size: int) -> int:
    try:
        # Shares the blocks, without a copy, where both files are on one file system that can.
        return os.copy_file_range(source, target, size, position, offset)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    os.lseek(target, offset, os.SEEK_SET)
    return os.sendfile(target, source, position, size)
