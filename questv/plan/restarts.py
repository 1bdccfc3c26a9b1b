"""What a restart writes: the image of a sandbox's memory as it is before its kernel begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from questv.kernel.console import Console
from questv.metal.structs import sizeof
from questv.monitor.plan import Image, Piece
from questv.plan import addresses
from questv.plan.blocks import Block
from questv.plan.model import RecoveryPlan, Region, SandboxPlan, Window
from questv.plan.windows import make_window

_WORD = 8


def changes(windows: Iterable[Window], memory: Region) -> list[Window]:
    """Those of a sandbox's windows whose memory a restart writes."""
    return [
        window
        for window in windows
        if "w" in window.rights and not window.kept and memory.start <= window.physical < memory.end
    ]


def image_size(windows: Iterable[Window], memory: Region, tables: int) -> int:
    """Bytes that the image takes at most, if there are ``tables`` bytes of page tables besides."""
    written = changes(windows, memory)
    filled = [window.size for window in written if not _is_empty(window)]
    pieces = len(written) + len(filled) + 3  # page tables, two for each process; around the console
    return sizeof(Image) + pieces * sizeof(Piece) + sum(filled) + tables


def monitor_windows(
    recovery: RecoveryPlan, view: Iterable[Window], memory: Region
) -> Iterator[Window]:
    """What a monitor sees for restarts: the image, and the sandbox's memory.

    Of that it may write what its kernel may write.
    """
    yield make_window("image", addresses.MONITOR_IMAGE, recovery.size, "r", recovery.image)
    for window in view:
        if memory.start <= window.physical < memory.end:
            yield make_window(
                f"{window.name} of the sandbox",
                addresses.MONITOR_SANDBOX + window.physical,
                window.size,
                "rw" if "w" in window.rights else "r",
                window.physical,
            )


def _is_empty(window: Window) -> bool:
    """Whether nothing in it has contents before the kernel begins."""
    return window.name == "bss" or window.name.startswith("state ")


def restart_image(sandbox: SandboxPlan, memory: Region, blocks: Sequence[Block]) -> bytes:
    """The image; ``blocks`` is what the plan puts into memory for this sandbox.

    Its console is not written: it goes on where the last incarnation has left it.
    """
    written = {window.physical for window in changes(sandbox.windows, memory)}
    fixed = {window.physical for window in sandbox.windows} - written
    console = sandbox.physical(sandbox.console)
    pieces = [
        piece
        for block in blocks
        if memory.start <= block.start < memory.end and block.start not in fixed
        for piece in _around(block, console, console + sizeof(Console))
    ]
    source = sizeof(Image) + len(pieces) * sizeof(Piece)
    head = bytes(Image(count=len(pieces)))
    contents = b""
    for piece in pieces:
        filling = piece.contents + bytes(-len(piece.contents) % _WORD)
        head += bytes(
            Piece(
                start=piece.start,
                source=source + len(contents),
                filled=len(filling),
                size=piece.size,
            )
        )
        contents += filling
    return head + contents


def _around(block: Block, start: int, end: int) -> Iterator[Block]:
    """The parts of a block that are not from ``start`` to ``end``, which are whole words."""
    for first, last in ((block.start, min(start, block.end)), (max(end, block.start), block.end)):
        if first < last:
            contents = block.contents[first - block.start : last - block.start]
            yield Block(first, contents, last - first)


assert sizeof(Console) % _WORD == 0
