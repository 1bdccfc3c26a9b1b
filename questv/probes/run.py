"""Runs the probes on machines of this host's QEMU, and says how each came out."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from questv.arch.x86 import svm
from questv.machine import (
    MIB,
    WITH_X2APIC,
    WITHOUT_X2APIC,
    Exit,
    ExitKind,
    Machine,
    MachineKind,
    MachineOptions,
    Qemu,
    find_qemu,
)
from questv.metal.structs import sizeof
from questv.plan.addresses import BOOT_PROGRAM
from questv.plan.blocks import Segment
from questv.plan.image import write_loadable
from questv.plan.programs import Programs
from questv.probes.catalogue import PROBES, Apic, Probe
from questv.probes.results import ADDRESS, Outcome, Result, Results

PATIENCE = 5.0
"""Seconds that a probe may take; each takes less than a millisecond of the machine's time."""

_MODULES = ("questv.boot.entry", "questv.probes.main")
_MEMORY = 16 * MIB
_TSC_DEADLINE = 1 << 24  # leaf 1, ecx
_X2APIC = 1 << 21


class State(StrEnum):
    """How a probe came out on a machine."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTABLE = "can't be tested here"
    ELSEWHERE = "not on this machine"


@dataclass(frozen=True)
class Finding:
    """A probe, how it came out, and what was seen if it does not hold."""

    probe: Probe
    state: State
    seen: str = ""


@dataclass(frozen=True)
class Platform:
    """One kind of machine: its findings, in the order of the catalogue, and its processor."""

    kind: MachineKind
    x2apic: bool
    findings: tuple[Finding, ...]
    facts: dict[str, bool | int]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.kind}, {'x2APIC' if self.x2apic else 'no x2APIC'}"

    def to_json(self) -> dict[str, object]:
        """All of it, for programs."""
        return {
            "machine": self.kind,
            "x2apic": self.x2apic,
            "facts": self.facts,
            "probes": [
                {
                    "group": each.probe.group,
                    "name": each.probe.name,
                    "state": each.state,
                    "seen": each.seen,
                    "needed": each.probe.needed,
                    "known": each.probe.known,
                    "follows": each.probe.follows,
                }
                for each in self.findings
            ],
        }

    @property
    def broken(self) -> list[Probe]:
        """What isolation rests on and does not hold, and the project does not live with."""
        failed = [each.probe for each in self.findings if each.state is State.FAILS]
        return [probe for probe in failed if probe.needed and not probe.known]


def platforms(qemu: Qemu | None = None) -> Iterator[Platform]:
    """Probe each kind of machine of this QEMU, without an x2APIC and, if it has one, with it.

    Raises MachineError, DiagnosticsError or LinkError.
    """
    qemu = qemu or find_qemu()
    for kind in MachineKind:
        for x2apic in (True, False) if qemu.has_x2apic else (False,):
            yield probe_machine(kind, x2apic, qemu=qemu)


def probe_machine(
    kind: MachineKind,
    x2apic: bool,
    *,
    qemu: Qemu | None = None,
    weak: bool = False,
    patience: float = PATIENCE,
) -> Platform:
    """Run all probes on one kind of machine; ``weak`` holds the guests badly, to see them fail.

    A machine that a probe hangs or ends is followed by another, for the probes after it.
    """
    with tempfile.TemporaryDirectory(prefix="questv-probes-") as folder:
        image = Path(folder) / "probes.elf"
        image.write_bytes(_image())
        findings: list[Finding] = []
        while len(findings) < len(PROBES):
            options = MachineOptions(
                image=image,
                memory=_MEMORY,
                kind=kind,
                command_line=f"first={len(findings)} weak={int(weak)}",
                cpu=WITH_X2APIC if x2apic else WITHOUT_X2APIC,
            )
            with Machine(options, name="probes", qemu=qemu) as machine:
                results = Results.view(machine.memory.view(ADDRESS, sizeof(Results)), 0)
                end = _wait(machine, results, patience)
                findings += _findings(results, len(findings), end)
                facts = _facts(results)
    return Platform(kind, x2apic, tuple(findings), facts)


@functools.cache
def _image() -> bytes:
    program = Programs.alone("probes", _MODULES, BOOT_PROGRAM, "boot_entry")
    loads = [Segment(each.address, each.contents, each.size) for each in program.segments]
    return write_loadable(program.symbols.address("boot_entry"), loads, {})


def _wait(machine: Machine, results: Results, patience: float) -> Exit | None:
    """How the machine ended; None if a probe did, and the machine had to be stopped."""
    since, last = time.monotonic(), -1
    while time.monotonic() - since < patience:
        try:
            return machine.wait(timeout=0.1)
        except TimeoutError:
            now = sum(result.outcome > Outcome.RUNNING for result in results.results)
            if now != last:
                since, last = time.monotonic(), now
    machine.stop()
    return None


def _findings(results: Results, first: int, end: Exit | None) -> Iterator[Finding]:
    """What the probes from ``first`` on have found, up to one that did not come back."""
    for number in range(first, len(PROBES)):
        probe, result = PROBES[number], results.results[number]
        if result.outcome in (Outcome.NOT_RUN, Outcome.RUNNING):
            yield Finding(probe, State.FAILS, _how(end))
            return
        yield _finding(probe, result)
        if result.outcome == Outcome.RESTARTED:
            return


def _how(end: Exit | None) -> str:
    if end is None:
        return "it never ended"
    return "it reset the machine" if end.kind is ExitKind.RESET else f"the machine: {end.detail}"


def _finding(probe: Probe, result: Result) -> Finding:
    match result.outcome:
        case Outcome.HOLDS:
            return Finding(probe, State.HOLDS)
        case Outcome.NO_EVENT:
            return Finding(probe, State.UNTESTABLE, "there is no such event on this machine")
        case Outcome.RESTARTED:
            return Finding(probe, State.FAILS, "it started the processor again")
        case Outcome.LEFT_OUT if probe.untestable:
            return Finding(probe, State.UNTESTABLE, probe.untestable)
        case Outcome.LEFT_OUT:
            where = "with" if probe.apic is Apic.X2APIC else "without"
            return Finding(probe, State.ELSEWHERE, f"for machines {where} an x2APIC")
        case _:
            return Finding(
                probe,
                State.FAILS,
                f"exit {int(result.exit_code):#x} ({int(result.exit_info1):#x},"
                f" {int(result.exit_info2):#x}) at {int(result.rip):#x}",
            )


def _facts(results: Results) -> dict[str, bool | int]:
    features = int(results.features)
    return {
        "x2APIC": bool(results.processor & _X2APIC),
        "TSC deadline": bool(results.processor & _TSC_DEADLINE),
        "next RIP saved": bool(features & svm.CPUID_SVM_NEXT_RIP),
        "flush by ASID": bool(features & svm.CPUID_SVM_FLUSH_BY_ASID),
        "decode assists": bool(features & svm.CPUID_SVM_DECODE_ASSISTS),
        "AVIC": bool(features & svm.CPUID_SVM_AVIC),
        "virtual GIF": bool(features & svm.CPUID_SVM_VGIF),
        "ASIDs": int(results.asids),
    }
