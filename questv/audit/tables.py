"""Holds page tables against what was declared: a sandbox's view, its kernel's own, its monitor's.

The whole of what tables show is compared in both directions: all that is shown is declared, with
the same rights, and all that is declared is shown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from questv.audit.declared import Declared, Stretch
from questv.audit.model import PAGE, TableEntry, Violation
from questv.audit.walk import Fault, Leaf, Walk
from questv.plan.model import ProcessPlan

_VERBS = {"r": "read", "rw": "read and write", "rx": "read and execute"}
_ALL = "read, write and execute"


@dataclass(frozen=True)
class Tables:
    """One set of tables: whose it is, what it may show, and whether user mode gets there.

    ``subject`` begins a sentence. The ``parts`` don't meet, and are in order of address.
    """

    who: str
    subject: str
    parts: Sequence[Stretch]
    user: bool

    def check(self, walk: Walk, declared: Declared) -> Iterator[Violation]:
        """Everything in the tables that is not as declared."""
        for fault in walk.faults:
            yield self.fault(fault)
        for leaf in walk.leaves:
            yield from self.leaf(leaf, declared)
        yield from self.missing(walk.leaves)

    def fault(self, fault: Fault) -> Violation:
        """An entry that is wrong for itself."""
        entry = fault.entry
        return Violation(
            self.who,
            f"{self.subject}: an entry for {fault.address:#x} {fault.what}",
            "tables of its own, of four levels, with no bits that mean nothing",
            fault.address,
            entry=TableEntry(entry.table, entry.index, entry.value),
        )

    def leaf(self, leaf: Leaf, declared: Declared) -> Iterator[Violation]:
        """What is wrong with memory that is shown; where several pages are alike, once."""
        at, end = leaf.address, leaf.address + leaf.size
        first = bisect_right(self.parts, at, key=lambda part: part.start) - 1
        for part in islice(self.parts, max(0, first), None):
            if part.end <= at:
                continue
            if part.start >= end:
                break
            if at < part.start:
                yield self._violation(leaf, at, "nothing", declared)
                at = part.start
            yield from self._compare(leaf, at, part, declared)
            at = min(part.end, end)
        if at < end:
            yield self._violation(leaf, at, "nothing", declared)

    def _compare(
        self, leaf: Leaf, at: int, part: Stretch, declared: Declared
    ) -> Iterator[Violation]:
        """A leaf with the declared part that holds the address ``at`` of it."""
        physical = part.physical + at - part.start
        if leaf.physical + at - leaf.address != physical:
            yield self._violation(leaf, at, f"{physical:#x} there ({part.what})", declared)
        elif leaf.rights != part.rights:
            yield self._violation(leaf, at, f"to {_verbs(part.rights)} it", declared)
        elif leaf.user != self.user:
            mode = "user mode" if self.user else "no user mode"
            yield self._violation(leaf, at, mode, declared)
        elif leaf.uncached != part.device:
            kind = "uncached, as a device" if part.device else "cached, as memory"
            yield self._violation(leaf, at, kind, declared)

    def _violation(self, leaf: Leaf, at: int, wanted: str, declared: Declared) -> Violation:
        physical = leaf.physical + at - leaf.address
        what = declared.whose(physical)
        place = f"{physical:#x} ({what})"
        if physical != at:
            place += f" at {at:#x}"
        mode = "" if leaf.user == self.user else f", in {'user' if leaf.user else 'kernel'} mode"
        entry = leaf.entry
        return Violation(
            self.who,
            f"{self.subject} may {_verbs(leaf.rights)} {place}{mode}",
            wanted,
            physical,
            leaf.rights,
            TableEntry(entry.table, entry.index, entry.value),
        )

    def missing(self, leaves: Sequence[Leaf]) -> Iterator[Violation]:
        """Declared, and not shown."""
        shown = sorted((leaf.address, leaf.address + leaf.size) for leaf in leaves)
        index = 0
        for part in self.parts:
            at = part.start
            while index < len(shown) and shown[index][1] <= at:
                index += 1
            ahead = index
            while at < part.end:
                if ahead < len(shown) and shown[ahead][0] <= at:
                    at = max(at, shown[ahead][1])
                    ahead += 1
                    continue
                end = min(part.end, shown[ahead][0] if ahead < len(shown) else part.end)
                yield Violation(
                    self.who,
                    f"{self.subject} does not see {part.what} from {at:#x} to {end:#x}",
                    f"to {_verbs(part.rights)} it",
                    part.physical + at - part.start,
                )
                at = end


def view_tables(declared: Declared, name: str) -> Tables:
    """The nested tables of a sandbox: its every access counts as a user's (APM vol. 2, 15.25.5)."""
    return Tables(name, f"'{name}'", declared.view(name), user=True)


def takeover_tables(declared: Declared, name: str) -> Tables:
    """The nested tables of a sandbox to which another one has failed over."""
    return Tables(name, f"'{name}', after a takeover,", declared.reach(name), user=True)


def kernel_tables(declared: Declared, name: str) -> Tables:
    """A kernel's own tables."""
    return Tables(f"kernel of {name}", f"the kernel of '{name}'", declared.kernel(name), user=False)


def check_process(
    declared: Declared, name: str, process: ProcessPlan, walk: Walk
) -> Iterator[Violation]:
    """The tables of a process: the kernel's addresses for the kernel alone, and its own."""
    task = declared.plan.sandbox(name).tasks[process.task].name
    who, subject = f"process {task} of {name}", f"the process '{task}' of '{name}'"
    own = Tables(who, subject, declared.process(process, name), user=True)
    kernel = Tables(who, f"{subject}, in its kernel,", declared.kernel(name), user=False)
    for fault in walk.faults:
        yield own.fault(fault)
    for leaf in walk.leaves:
        yield from (own if leaf.user else kernel).leaf(leaf, declared)
    yield from own.missing([leaf for leaf in walk.leaves if leaf.user])
    yield from kernel.missing([leaf for leaf in walk.leaves if not leaf.user])
    yield from check_guards(own, walk)
    yield from check_guards(kernel, walk)


def monitor_tables(declared: Declared, name: str) -> Tables:
    """A monitor's own tables."""
    return Tables(
        f"monitor of {name}", f"the monitor of '{name}'", declared.monitor(name), user=False
    )


# ---- what holds within a set of tables ---------------------------------------------------------


def check_guards(tables: Tables, walk: Walk) -> Iterator[Violation]:
    """What must hold of a kernel's and of a monitor's own tables.

    Page zero shows nothing, nor do the pages below stacks, tasks' states and what is kept of them,
    and around channels' areas. No table is shown for writing, and nothing that is writable is
    executable.
    """
    guards = {0: "page zero"}
    for part in tables.parts:
        if part.what == "stack" or part.what.startswith(("stack ", "state ", "kept ")):
            guards[part.start - PAGE] = f"the page below {part.what}"
            if tables.user:
                guards[part.end] = f"the page after {part.what}"
        elif part.what.endswith(" side)"):
            guards[part.start - PAGE] = f"the page below {part.what}"
            guards[part.end] = f"the page after {part.what}"
    for leaf in walk.leaves:
        at, end = leaf.address, leaf.address + leaf.size
        entry = TableEntry(leaf.entry.table, leaf.entry.index, leaf.entry.value)
        for guard, what in guards.items():
            if at <= guard < end:
                message = f"{tables.subject} sees memory at {guard:#x}, {what}"
                yield Violation(tables.who, message, "nothing there", guard, leaf.rights, entry)
        if not leaf.writable:
            continue
        if leaf.executable:
            message = f"{tables.subject} may write and execute {leaf.physical:#x}"
            yield Violation(
                tables.who, message, "no page for both", leaf.physical, leaf.rights, entry
            )
        for table in walk.tables:
            if leaf.physical <= table < leaf.physical + leaf.size:
                message = f"{tables.subject} may write its own page table at {table:#x}, at {at:#x}"
                yield Violation(tables.who, message, "no page table", table, leaf.rights, entry)


def _verbs(rights: str) -> str:
    return _VERBS.get(rights, _ALL)
