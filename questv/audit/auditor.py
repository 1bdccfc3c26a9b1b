"""The whole audit, check by check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from questv.audit import control, maps, owners, texts
from questv.audit.binaries import Binary
from questv.audit.declared import Declared
from questv.audit.model import (
    PAGE,
    Audit,
    Check,
    Pages,
    Violation,
    Walked,
    after_takeover,
)
from questv.audit.restarts import check_restarts
from questv.audit.running import check_commands, check_numbers, entered, views
from questv.audit.sharing import Rights, spans
from questv.audit.sources import (
    ImageMemory,
    LiveMemory,
    Memory,
    NoMemoryError,
    entry_points,
    other_protocols,
)
from questv.audit.tables import (
    Tables,
    check_guards,
    check_process,
    kernel_tables,
    monitor_tables,
    takeover_tables,
    view_tables,
)
from questv.audit.told import Told
from questv.audit.walk import Leaf, Walk
from questv.diagnostics import BadInputError
from questv.machine.memory import GuestMemory
from questv.plan.model import Plan, Region
from questv.system.model import System

KEPT = 20
"""Of the violations of one check, how many are kept; all are counted."""

_AT_RUN_TIME = "filled in by the monitors at run time: audit a running machine"


@dataclass(frozen=True)
class Subject:
    """What is audited: a system under a name, with its image's hash, plan and programs (ELF)."""

    name: str
    image: str
    system: System
    plan: Plan
    programs: Mapping[str, bytes]


def audit_image(subject: Subject, contents: bytes) -> Audit:
    """Audit an image file's bytes; raises BadInputError if there is nothing to audit."""
    memory = ImageMemory(contents)
    entries, others = entry_points(contents), other_protocols(contents)
    return Auditor(subject, memory, live=False, entries=entries, others=others).audit()


def audit_machine(subject: Subject, memory: GuestMemory) -> Audit:
    """Audit a running machine; raises BadInputError likewise."""
    return Auditor(subject, LiveMemory(memory), live=True).audit()


class Auditor:
    """One audit, of any memory."""

    def __init__(
        self,
        subject: Subject,
        memory: Memory,
        *,
        live: bool,
        entries: Sequence[int] = (),
        others: Sequence[str] = (),
    ) -> None:
        """Read and walk; ``live`` is whether monitors have begun to run.

        ``entries`` are the addresses at which a loader may enter what is in memory, and ``others``
        the protocols by which one might enter it elsewhere.
        Raises BadInputError if there is nothing that could be compared.
        """
        self._subject = subject
        self._memory = memory
        self._live = live
        self._entries = entries
        self._others = others
        owners.check_names(subject.system, subject.plan, set(subject.programs))
        ours = [each.name for each in subject.plan.sandboxes if each.foreign is None]
        self._boot = Binary("boot", subject.programs["boot"])
        monitor = Binary("monitor", subject.programs["monitor"])
        kernels = {name: _kernel(subject, name) for name in ours}
        processes = {
            process.program: Binary(process.program, subject.programs[process.program])
            for each in subject.plan.sandboxes
            for process in each.processes
        }
        self._declared = Declared(subject.system, subject.plan, monitor, kernels, processes)
        self._names = [sandbox.name for sandbox in subject.plan.sandboxes]
        try:
            self._told = Told(self._declared, memory, self._boot)
        except NoMemoryError as error:
            raise BadInputError(
                f"what the boot and the monitors are told is not there: {error}",
                "build the image again with 'questv build'",
            ) from error
        self._views = {name: self._walk_view(name) for name in self._names}
        self._takeovers = {name: self._walk_takeover(name) for name in self._declared.failing}
        self._kernels = {name: self._walk_kernel(name) for name in ours}
        self._processes = [
            (each, process, self._walk(root, [self._declared.memory_of(each.name)]))
            for each, process, root in self._told.process_tables()
        ]
        self._monitors = {name: self._walk_monitor(name) for name in self._names}
        self._rights = Rights(
            {name: spans(walk.leaves) for name, walk in self._views.items()}
            | {f"monitor of {name}": spans(walk.leaves) for name, walk in self._monitors.items()}
            | {after_takeover(name): spans(self._added(name)) for name in self._takeovers}
        )
        self._checks: list[Check] = []
        self._violations: list[Violation] = []

    def audit(self) -> Audit:
        """Compare all of it."""
        self._owners()
        self._programs()
        self._told_words()
        self._restarts()
        self._tables()
        self._maps()
        self._sharing()
        self._control()
        subject = self._subject
        return Audit(
            of="machine" if self._live else "image",
            name=subject.name,
            image=subject.image,
            memory=subject.system.machine.memory,
            verdict="violated" if any(check.violations for check in self._checks) else "proven",
            checks=tuple(self._checks),
            sandboxes=tuple(self._pages(name) for name in self._names),
            unbounded=self._declared.unbounded(),
            parties=self._rights.parties,
            map=tuple(self._rights.pieces(self._declared)),
            violations=tuple(self._violations),
        )

    def _check(
        self, name: str, proves: str, count: int | None, unit: str, found: Iterable[Violation]
    ) -> None:
        """Note a check; of what it found, the first violations and the number of all."""
        violations = iter(found)
        kept = list(islice(violations, KEPT))
        total = len(kept) + sum(1 for _ in violations)
        self._violations += kept
        note = _AT_RUN_TIME if count is None else ""
        self._checks.append(
            Check(name=name, proves=proves, count=count, unit=unit, violations=total, note=note)
        )

    # ---- what is walked ----------------------------------------------------------------------

    def _walk_view(self, name: str) -> Walk:
        return self._walk(int(self._told.monitors[name].nested_tables), self._hardware(name))

    def _walk_takeover(self, name: str) -> Walk:
        root = int(self._told.monitors[name].takeover.nested_tables)
        return self._walk(root, self._hardware(name))

    def _added(self, name: str) -> list[Leaf]:
        """What a sandbox can reach only after a takeover."""
        before = {(leaf.address, leaf.size, leaf.rights) for leaf in self._views[name].leaves}
        return [
            leaf
            for leaf in self._takeovers[name].leaves
            if (leaf.address, leaf.size, leaf.rights) not in before
        ]

    def _walk_kernel(self, name: str) -> Walk:
        own = self._declared.memory_of(name)
        return self._walk(int(self._told.monitors[name].start.cr3), [own])

    def _walk_monitor(self, name: str) -> Walk:
        core = self._told.boot.cores[self._declared.cores[name]]
        return self._walk(int(core.tables), self._hardware(name))

    def _walk(self, root: int, regions: list[Region]) -> Walk:
        """Walk tables that may be where ``root`` is: in the one of ``regions`` that holds it."""
        for region in regions:
            if region.start <= root < region.end:
                return Walk(self._memory, range(region.start, region.end, PAGE)).from_top(root)
        return Walk(self._memory, ()).from_top(root)

    def _hardware(self, name: str) -> list[Region]:
        plan = self._subject.plan
        return [each for each in plan.regions if each.owner == "hardware" and each.of == name]

    def _pages(self, name: str) -> Pages:
        return Pages(
            sandbox=name,
            view=_walked(self._views[name]),
            kernel=_walked(self._kernels[name]) if name in self._kernels else None,
            monitor=_walked(self._monitors[name]),
        )

    # ---- checks ------------------------------------------------------------------------------

    def _owners(self) -> None:
        above = (each for each in self._subject.plan.regions if each.start >= owners.FOUR_GIB)
        size = self._subject.system.machine.memory + sum(region.size for region in above)
        self._check(
            "owners",
            "each page of the machine has the one owner that was declared, or none",
            size // PAGE,
            "pages",
            owners.check_owners(self._declared),
        )

    def _programs(self) -> None:
        found = texts.copies(self._declared, self._boot, with_data=not self._live)
        self._check(
            "programs",
            "each boot, monitor and kernel is the program in the image, byte for byte",
            sum(len(copy.contents) for copy in found),
            "bytes",
            texts.check_copies(self._memory, found),
        )

    def _told_words(self) -> None:
        violations = [*self._entered_elsewhere(), *self._told.check()]
        self._check(
            "roots",
            "boot and monitors are led to these tables and maps, and to declared doorbells only",
            self._told.count + len(self._entries),
            "words",
            violations,
        )

    def _entered_elsewhere(self) -> Iterator[Violation]:
        """A loader that enters the image anywhere but at its boot's beginning."""
        wanted = self._boot.address("boot_entry")
        for entry in self._entries:
            if entry != wanted:
                message = f"the image is entered at {entry:#x}, which is not where its boot begins"
                yield Violation("boot", message, f"{wanted:#x}", entry)
        for protocol in self._others:
            message = f"the image has a header for {protocol}, by which it is entered elsewhere"
            yield Violation("boot", message, "to be entered by PVH only")

    def _restarts(self) -> None:
        names = [name for name in self._names if self._declared.is_restarted(name)]
        images = [self._declared.image_of(name) for name in names]
        self._check(
            "restarts",
            "a restart writes what its kernel may write, as it is before that begins",
            sum(image.size for image in images if image is not None),
            "bytes",
            check_restarts(self._declared, self._memory, self._told.monitors, live=self._live),
        )

    def _tables(self) -> None:
        declared = self._declared
        for name, proves, walks, tables_of in (
            (
                "views",
                "each sandbox reaches the pages that were declared, with these rights, and no more",
                self._views,
                view_tables,
            ),
            (
                "takeovers",
                "after a fail-over a standby reaches what was declared besides, and no more",
                self._takeovers,
                takeover_tables,
            ),
            (
                "kernels",
                "each kernel shows itself no more than its view, guard pages left out",
                self._kernels,
                kernel_tables,
            ),
            (
                "monitors",
                "each monitor writes its own pages, reads public pages, and sees nothing else",
                self._monitors,
                monitor_tables,
            ),
        ):
            violations = [
                violation
                for sandbox, walk in walks.items()
                for violation in _tables_violations(tables_of(declared, sandbox), walk, declared)
            ]
            pages = sum(_walked(walk).pages for walk in walks.values())
            self._check(name, proves, pages, "pages", violations)

        self._check(
            "processes",
            "each process sees its own memory, ends and inputs, and its kernel by that alone",
            sum(_walked(walk).pages for _, _, walk in self._processes),
            "pages",
            (
                violation
                for sandbox, process, walk in self._processes
                for violation in check_process(declared, sandbox.name, process, walk)
            ),
        )

    def _maps(self) -> None:
        declared, told = self._declared, self._told.monitors

        def msrs(name: str) -> Iterator[Violation]:
            at = int(told[name].msr_map)
            contents = self._memory.read(at, owners.MSR_MAP_SIZE)
            yield from maps.check_msrs(name, contents, at, declared.msrs(name))

        def ports(name: str) -> Iterator[Violation]:
            at = int(told[name].io_map)
            contents = self._memory.read(at, owners.IO_MAP_SIZE)
            yield from maps.check_ports(name, contents, at, declared.ports(name))

        def guards(name: str) -> Iterator[Violation]:
            at = int(told[name].msr_map)
            yield from maps.check_guards(name, self._memory, at, declared.owner_at)

        behind = maps.GUARD_SIZE * len(maps.GUARD_DISTANCES)
        passing = "of {}, those that were declared pass the map, and no more"
        for title, proves, size, check in (
            ("MSR maps", passing.format("MSRs"), owners.MSR_MAP_SIZE, msrs),
            ("MSR guards", "no MSR passes by a number of more than 32 bits", behind, guards),
            ("I/O maps", passing.format("ports"), owners.IO_MAP_SIZE, ports),
        ):
            found = [
                violation
                for name in self._names
                for violation in _or_no_memory(name, title, check(name))
            ]
            self._check(title, proves, len(self._names) * size * 8, "bits", found)

    def _sharing(self) -> None:
        self._check(
            "sharing",
            "no page is written by two, and but for foreign kernels' own none is written and "
            "executed",
            sum(end - start for start, end, _ in self._rights.stretches()) // PAGE,
            "pages",
            self._rights.check(self._declared),
        )

    def _control(self) -> None:
        plan = self._subject.plan
        found: list[Violation] = []
        commands: list[Violation] = []
        names = [each.name for each in plan.sandboxes if self._live and entered(self._memory, each)]
        for name in names:
            sandbox, told = plan.sandbox(name), self._told.monitors[name]
            wanted = control.fields(
                views(self._memory, plan, sandbox),
                sandbox.msr_map,
                sandbox.io_map,
                clock=int(told.tsc_offset),
                is_foreign=self._declared.is_foreign(name),
            )
            found += _or_no_memory(name, "control blocks", self._block(name, wanted))
            commands += list(check_commands(self._declared, self._memory, name, told))
        commands += check_numbers({name: self._told.monitors[name] for name in names})
        self._check(
            "control blocks",
            "nested paging, both maps and all intercepts that isolation needs are in force",
            len(names) * control.CONTROL_AREA * 8 if self._live else None,
            "bits",
            found,
        )
        self._check(
            "doorbells",
            "of interrupts to other cores, each monitor lets its declared doorbells pass",
            len(names) * 256 if self._live else None,
            "commands",
            commands,
        )

    def _block(self, name: str, wanted: list[control.Field]) -> Iterator[Violation]:
        at = int(self._told.monitors[name].control)
        yield from control.check_control(name, self._memory.read(at, PAGE), at, wanted)


def _kernel(subject: Subject, sandbox: str) -> Binary:
    name = f"kernel-{sandbox}"
    return Binary(name, subject.programs[name])


def _tables_violations(tables: Tables, walk: Walk, declared: Declared) -> Iterator[Violation]:
    yield from tables.check(walk, declared)
    if not tables.user:
        yield from check_guards(tables, walk)


def _or_no_memory(name: str, what: str, found: Iterator[Violation]) -> Iterator[Violation]:
    try:
        yield from found
    except NoMemoryError as error:
        yield Violation(name, f"one of the {what} of '{name}' is not there: {error}", "memory")


def _walked(walk: Walk) -> Walked:
    size = sum(leaf.size for leaf in walk.leaves)
    return Walked(pages=size // PAGE, tables=len(walk.tables))
