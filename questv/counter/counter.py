"""The counter for a machine that is about to start, and what it has counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from questv.counter.hosted import HostedPlugin
from questv.counter.plugin import RESULTS_ARGUMENT
from questv.counter.results import MAX_CORES, MAX_EVENTS, MAX_MARKS, SIZE, Event, Results
from questv.machine import MachineError, Qemu, find_qemu, packages
from questv.machine.qemu import OLDEST_COUNTING
from questv.metal.structs import offsetof, sizeof


@dataclass(frozen=True)
class Mark:
    """An instruction, by its virtual address on a core; every passage of it is recorded."""

    core: int
    address: int


class InstructionCounter:
    """A context manager: its counts are there until the ``with`` block ends.

    An instruction counts when it begins, for the core that executes it, whether it is the boot's,
    a monitor's or a kernel's. What repeats itself (``rep movsb``) counts for each time, and what
    is begun again after a fault counts again. Nothing else that the machine does counts.
    """

    def __init__(self, marks: Sequence[Mark] = (), *, qemu: Qemu | None = None) -> None:
        """Prepare to record passages of ``marks``; ``qemu`` is the host's if not given."""
        if len(set(marks)) > MAX_MARKS or any(mark.core >= MAX_CORES for mark in marks):
            raise ValueError(f"at most {MAX_MARKS} marks, on cores below {MAX_CORES}")
        self._marks = list(dict.fromkeys(marks))
        self._qemu = qemu
        self._plugin = HostedPlugin("counter", "questv.counter.plugin", RESULTS_ARGUMENT, SIZE)

    def __enter__(self) -> InstructionCounter:
        """Make the plugin. Raises MachineError if this QEMU has no use for it, or LinkError."""
        _check(self._qemu or find_qemu())
        self._plugin.__enter__()
        self._results = Results.view(memoryview(self._plugin.memory))
        self._results.mark_count = len(self._marks)
        for place, mark in zip(self._results.marks, self._marks, strict=False):
            place.address, place.core = mark.address, mark.core
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget all counts."""
        self._plugin.__exit__(kind, error, trace)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What QEMU has to be told, as ``MachineOptions.extra``."""
        return self._plugin.arguments

    def instructions(self, core: int) -> int:
        """How many instructions a core has begun to execute; of a running machine, so far."""
        return int(self._results.cores[core].instructions)

    def passages(self, mark: Mark) -> list[int]:
        """For each passage of ``mark``, how many instructions its core had begun before it."""
        index = self._marks.index(mark)
        return [before for before, number in self._events() if number == index]

    def intervals(self, start: Mark, end: Mark) -> list[int]:
        """For each passage of ``end``, the instructions since the last one of ``start``.

        Both are of one core, whose instructions alone count, that at ``start`` included. A passage
        of ``end`` without a new one of ``start`` begins nothing and ends nothing.
        """
        if start.core != end.core:
            raise ValueError("an interval lies on one core")
        first, last = self._marks.index(start), self._marks.index(end)
        since: int | None = None
        found = []
        for before, number in self._events():
            if number == last and since is not None:
                found.append(before - since)
                since = None
            if number == first:
                since = before
        return found

    def _events(self) -> list[tuple[int, int]]:
        """Every passage of a mark, in order: the core's count before it, and the mark's index."""
        happened = int(self._results.happened.load(None))  # type: ignore[arg-type]
        if happened > MAX_EVENTS:
            raise OverflowError(f"{happened} passages, of which {MAX_EVENTS} could be recorded")
        start = offsetof(Results, "events")
        words = memoryview(self._plugin.memory)[start : start + happened * sizeof(Event)].cast("Q")
        return [(words[at], words[at + 1] & 0xFFFF_FFFF) for at in range(0, len(words), 2)]


def _check(qemu: Qemu) -> None:
    """Refuse a QEMU that can't count; raises MachineError."""
    if not qemu.can_count:
        what = f"is QEMU {'.'.join(map(str, qemu.version))}"
        if not qemu.has_plugins:
            what = "was built without plugins"
        oldest = ".".join(map(str, OLDEST_COUNTING))
        raise MachineError(
            f"{qemu.path} {what}; to count instructions takes the plugins of {oldest} or newer",
            packages.install_qemu(),
        )
