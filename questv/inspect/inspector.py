"""The inspector: all that can be known of a machine from its memory, its plan and its programs."""

from __future__ import annotations

from collections.abc import Mapping

from questv.inspect.channels import channel_reports
from questv.inspect.console import lines_since
from questv.inspect.crash import CrashReader
from questv.inspect.faults import faults_of
from questv.inspect.guest import Guest, Memory
from questv.inspect.model import (
    AskedMachine,
    ChannelReport,
    ConsoleReport,
    CrashReport,
    FoundMachine,
    MachineReport,
    SandboxReport,
    Snapshot,
)
from questv.inspect.sandbox import sandbox_report, sandbox_state
from questv.inspect.streams import stream_reports
from questv.monitor.interface import SandboxState
from questv.plan.model import Plan
from questv.plan.programs import Program


class Inspector:
    """Looks into one machine, again and again; each answer is of the moment.

    Sandboxes are named; KeyError is raised for a name that the plan does not have.
    """

    def __init__(self, plan: Plan, programs: Mapping[str, Program], memory: Memory) -> None:
        """Look at ``memory`` of a machine that runs ``plan`` with ``programs``, by their names."""
        self.plan = plan
        self._guest = Guest(plan, memory)
        self._programs = programs
        self._crashes = CrashReader(self._guest, programs)

    def found(self) -> FoundMachine | None:
        """What the boot has found of the machine; None until it has."""
        facts = self._guest.facts
        if not int(facts.start_tsc):  # the boot's last finding
            return None
        return FoundMachine(
            cores=int(facts.core_count),
            x2apic=bool(facts.x2apic),
            tsc_frequency=int(facts.tsc_frequency),
            apic_frequency=int(facts.apic_frequency),
        )

    def state(self, sandbox: str) -> SandboxState | int:
        """How far a sandbox has come; cheaper than all the rest."""
        return sandbox_state(self._guest, self.plan.sandbox(sandbox))

    def crash_count(self, sandbox: str) -> int:
        """How often a sandbox had a fault; cheaper than to read of them."""
        return self._crashes.count(self.plan.sandbox(sandbox))

    def crashes(self, sandbox: str) -> tuple[CrashReport, ...]:
        """The last faults of a sandbox, the oldest first."""
        return self._crashes.read(self.plan.sandbox(sandbox))

    def console(self, sandbox: str, since: int = 0) -> ConsoleReport:
        """The lines of a sandbox's console after number ``since``."""
        return lines_since(self._guest, self.plan.sandbox(sandbox), since)

    def sandboxes(self) -> tuple[SandboxReport, ...]:
        """Every sandbox, in the order of the plan."""
        return tuple(
            sandbox_report(
                self._guest,
                sandbox,
                self.crashes(sandbox.name),
                faults_of(self._guest, sandbox, self._programs),
            )
            for sandbox in self.plan.sandboxes
        )

    def channels(self) -> tuple[ChannelReport, ...]:
        """Every channel, in the order of the plan."""
        return channel_reports(self._guest)

    def snapshot(self, asked: AskedMachine) -> Snapshot:
        """All of it, for a machine of which ``asked`` was asked."""
        return Snapshot(
            system=self.plan.name,
            machine=MachineReport(asked=asked, found=self.found()),
            sandboxes=self.sandboxes(),
            channels=self.channels(),
            streams=stream_reports(self._guest),
        )
