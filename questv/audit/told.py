"""What the boot, the monitors and the kernels are told: the words that lead to all the rest.

Their structures are those of the compiled code, of which there is one definition.
"""

from __future__ import annotations

from collections.abc import Iterator

from questv.audit.binaries import Binary
from questv.audit.declared import Declared
from questv.audit.model import PAGE, TableEntry, Violation
from questv.audit.sources import Memory, NoMemoryError
from questv.boot.plan import BootPlan
from questv.kernel.info import SandboxInfo
from questv.kernel.processes import Process
from questv.metal.structs import offsetof, sizeof
from questv.monitor.interface import ApicMode as ToldApicMode
from questv.monitor.plan import MonitorPlan
from questv.plan.model import ProcessPlan, SandboxPlan

FIRST_DEVICE = 0x20
"""Vectors from here on may be devices': below are the processor's exceptions (APM vol. 2, 8.2)."""

FIRST_BELL, LAST_BELL = 0x30, 0xEF
"""Vectors that are for doorbells."""

EXIT_PORT = 0xF4
"""Of QEMU's isa-debug-exit device, which is all that boot and monitors tell the end of a run."""

_VECTORS = 256


class Told:
    """The words in memory, and what they have to be."""

    def __init__(self, declared: Declared, memory: Memory, boot: Binary) -> None:
        """Read them; raises NoMemoryError if they are not there."""
        self._declared = declared
        self._boot_at = boot.address("boot_plan")
        self.boot = BootPlan.view(memory.read(self._boot_at, sizeof(BootPlan)))
        self.monitors = {
            each.name: MonitorPlan.view(memory.read(each.monitor_plan, sizeof(MonitorPlan)))
            for each in declared.plan.sandboxes
        }
        self._infos = {
            each.name: SandboxInfo.view(memory.read(each.info, sizeof(SandboxInfo)))
            for each in declared.plan.sandboxes
            if not declared.is_foreign(each.name)
        }
        self._records = [
            (sandbox, process, Process.view(memory.read(at, sizeof(Process))))
            for sandbox in declared.plan.sandboxes
            for process in sandbox.processes
            for at in [_placed(sandbox, process.object)]
        ]
        self.count = 0

    def process_tables(self) -> list[tuple[SandboxPlan, ProcessPlan, int]]:
        """All processes, with the address of the page tables that their kernels use for them."""
        return [
            (sandbox, process, int(record.space.tables))
            for sandbox, process, record in self._records
        ]

    def check(self) -> Iterator[Violation]:
        """Everything that is wrong with them."""
        self.count = 0
        yield from self._boot()
        for sandbox in self._declared.plan.sandboxes:
            yield from self._monitor(sandbox)
            yield from self._bells(sandbox)
            if not self._declared.is_foreign(sandbox.name):
                yield from self._info(sandbox)
        for sandbox, process, record in self._records:
            yield from self._process(sandbox, process, record)
        yield from self._heard()

    # ---- the boot ----------------------------------------------------------------------------

    def _boot(self) -> Iterator[Violation]:
        declared, monitor = self._declared, self._declared.monitor_program
        cores = {declared.cores[each.name]: each for each in declared.plan.sandboxes}
        for core, told in enumerate(self.boot.cores):
            wanted = dict.fromkeys(
                ("tables", "stack", "stack_physical", "entry", "monitor_plan"), 0
            )
            if core in cores:
                sandbox = cores[core]
                stack = _window_ending(sandbox, int(told.stack))
                wanted |= {
                    "tables": sandbox.monitor_tables,
                    "stack": sandbox.monitor_stack_top,
                    "stack_physical": stack,
                    "entry": monitor.address("monitor_entry"),
                    "monitor_plan": sandbox.monitor_plan,
                }
            facts = sandbox.info if core in cores else 0
            # The boot writes the machine's facts there: somewhere on the page.
            page = int(told.sandbox_facts) & -PAGE
            yield from self._compare("boot", f"core {core}'s facts", page, facts, self._boot_at)
            for name, value in wanted.items():
                yield from self._compare(
                    "boot", f"core {core}'s {name}", int(getattr(told, name)), value, self._boot_at
                )

        yield from self._compare(
            "boot", "exit_port", int(self.boot.exit_port), EXIT_PORT, self._boot_at
        )
        yield from self._routes()

    def _routes(self) -> Iterator[Violation]:
        """Each device's interrupt goes to its owner, if anywhere, and to no vector of others."""
        declared = self._declared
        names = {core: name for name, core in declared.cores.items()}
        seen: set[int] = set()
        for index in range(min(int(self.boot.route_count), len(self.boot.routes))):
            self.count += 1
            route = self.boot.routes[index]
            interrupt, core, vector = int(route.interrupt), int(route.core), int(route.vector)
            whom = names.get(core)
            own = [each.interrupt for each in declared.devices(whom)] if whom else []
            if interrupt in own and interrupt not in seen and FIRST_DEVICE <= vector < FIRST_BELL:
                seen.add(interrupt)
                continue
            yield Violation(
                whom or f"core {core}",
                f"interrupt {interrupt} goes to {whom or f'core {core}'} with vector {vector:#x}",
                "each interrupt once, to who drives the device, with a vector from "
                f"{FIRST_DEVICE:#x} to {FIRST_BELL - 1:#x}",
            )

    # ---- a monitor ---------------------------------------------------------------------------

    def _monitor(self, sandbox: SandboxPlan) -> Iterator[Violation]:
        declared, told = self._declared, self.monitors[sandbox.name]
        run_until = declared.system.run.until or tuple(declared.cores)
        wanted = {
            "core": declared.cores[sandbox.name],
            "exit_port": EXIT_PORT,
            "core_count": max(declared.cores.values()) + 1,
            "sandboxes": sum(1 << core for core in declared.cores.values()),
            "until": sum(1 << declared.cores[name] for name in run_until),
            "foreign": int(declared.is_foreign(sandbox.name)),
            "absent": int(declared.seems_absent(sandbox.name)),
            "nested_tables": sandbox.nested_tables,
            "msr_map": sandbox.msr_map,
            "io_map": sandbox.io_map,
            "control": sandbox.control,
            "host_save": sandbox.host_save,
            "tsc_skew": 0,
        }
        who = f"monitor of {sandbox.name}"
        yield from self._fail_over(sandbox)
        beat = declared.heartbeats.get(sandbox.name)
        watches = beat.watches if beat is not None else ()
        signs = {
            "deadline": beat.patience if beat is not None else 0,
            "watched": sum(1 << declared.cores[name] for name in watches),
            "gap": min((declared.heartbeats[name].patience for name in watches), default=0),
        }
        at = sandbox.monitor_plan + int(offsetof(MonitorPlan, "heartbeat"))
        for name, value in signs.items():
            found = int(getattr(told.heartbeat, name))
            yield from self._compare(who, f"a heartbeat's {name}", found, value, at)
        for name, value in wanted.items():
            at = sandbox.monitor_plan + int(offsetof(MonitorPlan, name))
            yield from self._compare(who, name, int(getattr(told, name)), value, at)
        if declared.is_foreign(sandbox.name):
            return  # where it begins is its own business
        begin = {
            "rip": declared.kernel_programs[sandbox.name].address("kernel_entry"),
            "rsp": sandbox.stack_top,
            "cr3": sandbox.kernel_tables,
        }
        at = sandbox.monitor_plan + int(offsetof(MonitorPlan, "start"))
        for name, value in begin.items():
            found = int(getattr(told.start, name))
            yield from self._compare(who, f"the kernel's {name}", found, value, at)

    def _fail_over(self, sandbox: SandboxPlan) -> Iterator[Violation]:
        """To whom a monitor releases what its kernel has left, and from whom it takes that."""
        declared, told = self._declared, self.monitors[sandbox.name]
        standbys = {home: name for name, home in declared.failing.items()}
        to, of = standbys.get(sandbox.name), declared.failing.get(sandbox.name)
        claim = sandbox.takeover
        bell = int(self.monitors[of].recovery.bell) if of else 0
        wanted = [
            ("standby", int(told.recovery.standby), 1 + declared.cores[to] if to else 0),
            ("takeover.core", int(told.takeover.core), 1 + declared.cores[of] if of else 0),
            ("takeover.bell", int(told.takeover.bell), bell),
            (
                "takeover.nested_tables",
                int(told.takeover.nested_tables),
                claim.nested_tables if claim else 0,
            ),
        ]
        for name, found, value in wanted:
            who = f"monitor of {sandbox.name}"
            yield from self._compare(who, name, found, value, sandbox.monitor_plan)
        own = int(told.recovery.bell)
        self.count += 1
        is_right = own == 0 if to is None else FIRST_BELL <= own <= LAST_BELL
        if not is_right:
            yield Violation(
                f"monitor of {sandbox.name}",
                f"the monitor of '{sandbox.name}' tells of its release with vector {own:#x}",
                f"a vector from {FIRST_BELL:#x} to {LAST_BELL:#x}" if to else "none",
            )

    def _bells(self, sandbox: SandboxPlan) -> Iterator[Violation]:
        """One doorbell to the other party of each channel, and none to anybody else."""
        declared, told = self._declared, self.monitors[sandbox.name]
        names = {core: name for name, core in declared.cores.items()}
        left = declared.bells(sandbox.name)
        at = sandbox.monitor_plan + int(offsetof(MonitorPlan, "doorbells"))
        for vector in range(_VECTORS):
            self.count += 1
            value = int(told.doorbells[vector])
            if value == 0:
                continue
            whom = names.get(value - 1, f"core {value - 1}")
            if whom in left and FIRST_BELL <= vector <= LAST_BELL:
                left.remove(whom)
                continue
            yield Violation(
                sandbox.name,
                f"'{sandbox.name}' may ring {whom} with vector {vector:#x}",
                f"doorbells to {_list(declared.bells(sandbox.name))}, "
                f"vectors {FIRST_BELL:#x} to {LAST_BELL:#x}",
                right="ring",
                entry=TableEntry(at, vector, value),
            )
        if left:
            yield Violation(
                sandbox.name,
                f"'{sandbox.name}' has no doorbell to {_list(left)}",
                "a doorbell to the other party of each channel",
            )

    def _heard(self) -> Iterator[Violation]:
        """A vector means one thing to each sandbox that hears it."""
        for name, core in self._declared.cores.items():
            rung: dict[int, str] = {}
            of = self._declared.failing.get(name)
            if of is not None:
                rung[int(self.monitors[name].takeover.bell)] = f"monitor of {of}"
            for other, told in self.monitors.items():
                for vector in range(_VECTORS):
                    if int(told.doorbells[vector]) != 1 + core:
                        continue
                    if vector in rung:
                        yield Violation(
                            name,
                            f"'{rung[vector]}' and '{other}' both ring '{name}' with {vector:#x}",
                            "one meaning for each vector",
                        )
                    rung[vector] = other

    # ---- a kernel ----------------------------------------------------------------------------

    def _info(self, sandbox: SandboxPlan) -> Iterator[Violation]:
        """What decides where a kernel's stacks are, and how it reaches its interrupts."""
        declared, told = self._declared, self._infos[sandbox.name]
        who = f"kernel of {sandbox.name}"
        mode = ToldApicMode.DIRECT if declared.is_direct(sandbox.name) else ToldApicMode.GUARDED
        wanted = {"core": declared.cores[sandbox.name], "apic_mode": int(mode)}
        for name, value in wanted.items():
            yield from self._compare(who, name, int(getattr(told, name)), value, sandbox.info)
        stacks = [part for part in declared.kernel(sandbox.name) if part.what.startswith("stack ")]
        for index in range(min(int(told.task_count), len(told.tasks))):
            self.count += 1
            top = int(told.tasks[index].stack_top)
            if not any(part.start < top <= part.end for part in stacks):
                yield Violation(
                    who, f"has the stack of task {index} at {top:#x}", "one of its stacks", top
                )

    def _process(
        self, sandbox: SandboxPlan, process: ProcessPlan, record: Process
    ) -> Iterator[Violation]:
        """What leads a kernel to a process's record, and from there to its tables."""
        who = f"kernel of {sandbox.name}"
        told = self._infos[sandbox.name].tasks[process.task]
        name = sandbox.tasks[process.task].name
        yield from self._compare(
            who, f"process of {name}", int(told.process), process.object, sandbox.info
        )
        at = _placed(sandbox, process.object)
        yield from self._compare(
            who, f"tables of {name}", int(record.space.tables), process.tables, at
        )
        yield from self._compare(who, f"info of {name}", int(record.info), process.info, at)

    def _compare(
        self, who: str, name: str, found: int, wanted: int, at: int
    ) -> Iterator[Violation]:
        self.count += 1
        if found != wanted:
            yield Violation(
                who, f"the {who} is told {name} = {found:#x}", f"{wanted:#x}", page=at & -PAGE
            )


def _placed(sandbox: SandboxPlan, address: int) -> int:
    """Where an address of a kernel is in physical memory, as far as it is claimed anywhere."""
    try:
        return sandbox.physical(address)
    except LookupError as error:
        raise NoMemoryError(str(error)) from error


def _window_ending(sandbox: SandboxPlan, top: int) -> int:
    """The physical end of the monitor's window that ends at virtual address ``top``; else 0."""
    for window in sandbox.monitor_windows:
        if window.address + window.size == top:
            return window.physical + window.size
    return 0


def _list(names: list[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"
