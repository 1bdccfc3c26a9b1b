"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

PAGE = 4096


@dataclass(frozen=True, slots=True)
class TableEntry:
    """An entry of a page table or a word of a map: in the table at a physical address."""

    table: int
    index: int
    value: int


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that is not what was declared.

    ``who`` has more, or less, than it should: a sandbox, a monitor or a kernel. ``page`` is the
    address in question and ``right`` what is allowed there, where that makes sense. ``message``
    is a sentence without a full stop.
    """

    who: str
    message: str
    declared: str
    page: int | None = None
    right: str = ""
    entry: TableEntry | None = None


class Part(BaseModel):
    """Base of the report's parts: they never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(Part):
    """One thing that was to be proven, and how much of it was looked at.

    ``count`` is None if there was nothing to look at, for the reason that ``note`` gives.
    """

    name: str
    proves: str
    count: int | None
    unit: str
    violations: int
    note: str = ""


class Walked(Part):
    """What was found by walking one set of page tables: pages of 4 KiB that it shows."""

    pages: int
    tables: int


class Pages(Part):
    """The page tables of one sandbox; a foreign kernel's own are its own business."""

    sandbox: str
    view: Walked
    kernel: Walked | None
    monitor: Walked


class Piece(Part):
    """A stretch of physical memory in which nobody's rights change.

    ``whose`` is what it belongs to and ``parts`` what of that it is, if that has parts. ``rights``
    has what was found for each of the report's ``parties``; empty for none.
    """

    start: int
    size: int
    whose: str
    parts: tuple[str, ...]
    rights: tuple[str, ...]


class Audit(Part):
    """The whole of it. Of the violations of a check, the first few are kept.

    ``unbounded`` are sandboxes that reach all memory by their devices' DMA, whatever tables say.
    ``parties`` are those whose rights are compared: sandboxes by their name, monitors, and standbys
    with what they reach besides after a takeover.
    """

    format: Literal[1] = 1
    of: Literal["image", "machine"]
    name: str
    image: str
    memory: int
    verdict: Literal["proven", "violated"]
    checks: tuple[Check, ...]
    sandboxes: tuple[Pages, ...]
    unbounded: tuple[str, ...] = ()
    parties: tuple[str, ...]
    map: tuple[Piece, ...]
    violations: tuple[Violation, ...]


def after_takeover(sandbox: str) -> str:
    """The party that a sandbox is as far as it reaches what another has left that failed over."""
    return f"{sandbox} after takeover"
