"""Whether a restart leaves a kernel as it was before it began, and writes nothing else.

Before anything has run there is nothing to repair: to write the image of each sandbox over its
memory must change nothing. So whatever is in the image has been checked where it is read from.
"""

from __future__ import annotations

from collections.abc import Iterator

from questv.audit.declared import RESTART_IMAGE, RESTART_MEMORY, Declared
from questv.audit.model import Violation
from questv.audit.sources import Memory
from questv.metal.structs import offsetof, sizeof
from questv.monitor.interface import PanicRecord
from questv.monitor.plan import Image, MonitorPlan, Piece
from questv.monitor.plan import RecoveryPlan as Told
from questv.plan.model import Region, SandboxPlan

_WORD = 8


def check_restarts(
    declared: Declared, memory: Memory, told: dict[str, MonitorPlan], *, live: bool
) -> Iterator[Violation]:
    """Everything that is wrong with them; of a live machine no contents are compared."""
    for sandbox in declared.plan.sandboxes:
        own = told[sandbox.name].recovery
        if not declared.is_restarted(sandbox.name):
            if int(own.limit):
                yield _wrong(sandbox, "may restart its kernel", "to stop it")
            continue
        yield from _policy(declared, sandbox, own)
        image = declared.image_of(sandbox.name)
        if image is not None:
            yield from _pieces(declared, memory, sandbox, image, live=live)


def _policy(declared: Declared, sandbox: SandboxPlan, told: Told) -> Iterator[Violation]:
    """What was declared, and where the monitor finds what it needs."""
    recovery = declared.sandboxes[sandbox.name].recovery
    assert recovery is not None
    own = declared.memory_of(sandbox.name)
    wanted = {
        "limit": recovery.limit,
        "window": recovery.window,
        "back_off": recovery.back_off,
        "image": RESTART_IMAGE,
        "sandbox": RESTART_MEMORY,
        "start": own.start,
        "size": own.size,
    }
    for name, value in wanted.items():
        if int(getattr(told, name)) != value:
            is_told = f"is told {name} = {int(getattr(told, name)):#x}"
            at = sandbox.monitor_plan + offsetof(MonitorPlan, "recovery") + offsetof(Told, name)
            yield _wrong(sandbox, is_told, f"{value:#x}", at)
    if not own.start <= int(told.panic) <= own.end - sizeof(PanicRecord):
        yield _wrong(sandbox, f"reads {int(told.panic):#x}", f"the {own.name}", int(told.panic))


def _pieces(
    declared: Declared, memory: Memory, sandbox: SandboxPlan, image: Region, *, live: bool
) -> Iterator[Violation]:
    contents = memory.read(image.start, image.size)
    own = declared.memory_of(sandbox.name)
    writable = [part for part in declared.view(sandbox.name) if "w" in part.rights]
    count = int(Image.view(contents[: sizeof(Image)]).count)
    head = sizeof(Image) + count * sizeof(Piece)
    if head > image.size:
        yield _wrong(sandbox, f"has an image of {count} pieces", "its image", image.start)
        return
    for number in range(count):
        at = sizeof(Image) + number * sizeof(Piece)
        piece = Piece.view(contents[at : at + sizeof(Piece)])
        start, size = int(piece.start), int(piece.size)
        source, filled = int(piece.source), int(piece.filled)
        if not any(
            own.start <= part.physical <= start and start + size <= part.physical + part.size
            for part in writable
        ):
            what = f"writes {size:#x} bytes at {start:#x} for a restart"
            yield _wrong(sandbox, what, "what its kernel may write", start)
        elif filled > size or source + filled > image.size or (start | source | filled) % _WORD:
            yield _wrong(sandbox, f"has no contents for {start:#x}", "its image", image.start + at)
        elif not live:
            there = memory.read(start, size)
            if there != contents[source : source + filled] + bytes(size - filled):
                what = f"restarts its kernel with other memory at {start:#x} than it begins with"
                yield _wrong(sandbox, what, "the same", start)


def _wrong(sandbox: SandboxPlan, what: str, wanted: str, page: int | None = None) -> Violation:
    return Violation(
        f"monitor of {sandbox.name}", f"the monitor of '{sandbox.name}' {what}", wanted, page
    )
