"""Builds systems from text, runs them on real (emulated) machines, and reads what they left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from questv.kernel.console import SLOTS, Console
from questv.kernel.status import KernelStatus
from questv.machine import Exit, Machine, MachineKind, MachineOptions
from questv.metal.structs import sizeof
from questv.monitor.interface import ExitReason, PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build

END = 20.0
"""Seconds after which a test's machine is given up."""

PRELUDE = """\
from __future__ import annotations
from questv.api import *
from questv.metal.lang import *
from questv.metal.structs import *
"""


@dataclass
class Sandbox:
    """What one sandbox left behind."""

    public: PublicPage
    status: KernelStatus
    lines: list[str]

    @property
    def state(self) -> SandboxState:
        return SandboxState(int(self.public.state.load(None)))  # type: ignore[arg-type]

    @property
    def before(self) -> dict[str, int]:
        return _counts(self.public.before)

    @property
    def after(self) -> dict[str, int]:
        return _counts(self.public.after)


def _counts(counts: object) -> dict[str, int]:
    found = {reason.name: int(counts.by_reason[reason]) for reason in ExitReason}  # type: ignore[attr-defined]
    return {name: count for name, count in found.items() if count}


@dataclass
class Run:
    """A run that has ended."""

    system: BuiltSystem
    exit: Exit | None
    serial: str
    sandboxes: dict[str, Sandbox]
    memory: Callable[[int, int], bytes]

    def __getitem__(self, name: str) -> Sandbox:
        return self.sandboxes[name]


def write_system(folder: Path, description: str, tasks: str) -> Path:
    """A system's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "system.toml").write_text(description)
    (folder / "tasks.py").write_text(PRELUDE + tasks)
    return folder


def run_system(
    system: BuiltSystem,
    folder: Path,
    *,
    image: bytes | None = None,
    kind: MachineKind = MachineKind.MICROVM,
    cores: int | None = None,
    memory: int | None = None,
    deterministic: bool = False,
    command_line: str = "",
    contents: tuple[tuple[int, Path], ...] = (),
    cpu: str = "EPYC,+svm,+npt,+x2apic",
    timeout: float = END,
) -> Run:
    """Run a built system to its end, or until ``timeout``: then ``exit`` is None."""
    path = folder / "image.elf"
    path.write_bytes(image if image is not None else system.image)
    options = MachineOptions(
        image=path,
        memory=memory or system.plan.memory,
        kind=kind,
        cores=cores or system.plan.cores,
        deterministic=deterministic,
        command_line=f"metronome=10000 {command_line}" if deterministic else command_line,
        contents=contents,
        cpu=cpu,
    )
    with Machine(options) as machine:
        try:
            end = machine.wait(timeout)
        except TimeoutError:
            end = None
        whole = bytearray(machine.memory.read(0x100000, system.plan.memory - 0x100000))
        serial = machine.serial_text()

    def read(address: int, size: int) -> bytes:
        return bytes(whole[address - 0x100000 :][:size])

    sandboxes = {}
    for plan in system.plan.sandboxes:
        status = read(plan.physical(plan.status), sizeof(KernelStatus))
        console = Console.view(read(plan.physical(plan.console), sizeof(Console)))
        sandboxes[plan.name] = Sandbox(
            PublicPage.view(read(plan.public, sizeof(PublicPage))),
            KernelStatus.view(status),
            _lines(console),
        )
    return Run(system, end, serial, sandboxes, read)


def _lines(console: Console) -> list[str]:
    written = int(console.written.load(None))  # type: ignore[arg-type]
    lines = []
    for number in range(max(0, written - SLOTS), written):
        slot = console.slots[number % SLOTS]
        lines.append(bytes(slot.text)[: int(slot.length)].decode())
    return lines


def boot(
    folder: Path, description: str, tasks: str, *, checks: bool = False, **options: object
) -> Run:
    """Build and run in one."""
    system = build(write_system(folder, description, tasks), checks=checks)
    return run_system(system, folder, **options)  # type: ignore[arg-type]
