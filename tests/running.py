"""Builds systems from text, runs them on real (emulated) machines, and reads what they left."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from questv import process
from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.paging import PAGE_SIZE
from questv.inspect.crash import kept_records
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.console import SLOTS, Console
from questv.kernel.doorbells import Wait
from questv.kernel.info import INPUT_MAGIC, InputHeader
from questv.kernel.status import EndStatus, KernelStatus
from questv.machine import (
    WITH_X2APIC,
    Exit,
    Machine,
    MachineKind,
    MachineOptions,
    memory_size,
)
from questv.machine.deterministic import METRONOME, metronome_word
from questv.machine.memory import HIGH_BANK_START as HIGH
from questv.metal.structs import sizeof
from questv.monitor.interface import CrashRecord, ExitReason, PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build
from questv.plan.model import EndPlan, SandboxPlan

END = 20.0
"""Seconds after which a test's machine is given up."""

PRELUDE = """\
from __future__ import annotations
from questv.api import *
from questv.metal.lang import *
from questv.metal.structs import *
"""


BURN = """
@metal
def burn(instructions: u64) -> None:
    "Use the core for so many instructions, whoever preempts."
    asm("2: sub $0, 2; ja 2b", u64, "=r,0", instructions)
"""
"""A function for tasks."""


@dataclass
class Sandbox:
    """What one sandbox left behind; ``ends`` has its counters by channel."""

    public: PublicPage
    status: KernelStatus
    console: Console
    lines: list[str]
    ends: dict[str, EndStatus]

    @property
    def state(self) -> SandboxState:
        return SandboxState(int(self.public.state.load(None)))  # type: ignore[arg-type]

    @property
    def crashes(self) -> list[CrashRecord]:
        """The last of its crash records, the oldest first."""
        return [record for _, record in kept_records(self.public)]

    @property
    def crash(self) -> CrashRecord:
        """The newest one, empty if there is none."""
        return self.crashes[-1] if self.crashes else CrashRecord()

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

    @property
    def facts(self) -> MachineFacts:
        """What the boot found."""
        found = self.memory(self.system.plan.boot_machine, sizeof(MachineFacts))
        return MachineFacts.view(found)

    def nanoseconds(self, tsc: int) -> int:
        """The moment of a time-stamp counter's value, since the machine's start."""
        facts = self.facts
        return (tsc - int(facts.start_tsc)) * 10**9 // int(facts.tsc_frequency)

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
    metronome: int = METRONOME,
    command_line: str = "",
    contents: tuple[tuple[int, Path], ...] = (),
    consoles: tuple[tuple[int, int | None], ...] = (),
    cpu: str = WITH_X2APIC,
    extra: tuple[str, ...] = (),
    timeout: float = END,
) -> Run:
    """Run a built system to its end, or until ``timeout``: then ``exit`` is None.

    In deterministic runs ``metronome`` is its period in nanoseconds; time goes by the faster on the
    host the longer that is.
    """
    path = folder / "image.elf"
    words = [metronome_word(metronome)] if deterministic else []
    path.write_bytes(image if image is not None else system.image)
    options = MachineOptions(
        image=path,
        memory=memory or memory_size(kind, system.plan.memory, system.plan.end),
        kind=kind,
        cores=cores or system.plan.cores,
        deterministic=deterministic,
        command_line=" ".join([*words, command_line]),
        contents=contents,
        consoles=consoles,
        cpu=cpu,
        extra=extra,
    )
    with Machine(options) as machine:
        try:
            end = machine.wait(timeout)
        except TimeoutError:
            end = None
        low = machine.memory.read(0x100000, system.plan.memory - 0x100000)
        high = {
            region.start: machine.memory.read(region.start, region.size)
            for region in system.plan.regions
            if region.start >= HIGH
        }
        serial = machine.serial_text()

    def read(address: int, size: int) -> bytes:
        if address >= HIGH:
            start = max(start for start in high if start <= address)
            return high[start][address - start :][:size]
        return low[address - 0x100000 :][:size]

    sandboxes = {}
    for plan in system.plan.sandboxes:
        status = bytes(sizeof(KernelStatus))
        if plan.status is not None:
            status = read(plan.physical(plan.status), sizeof(KernelStatus))
        console = Console.view(read(plan.physical(plan.console), sizeof(Console)))
        sandboxes[plan.name] = Sandbox(
            PublicPage.view(read(plan.public, sizeof(PublicPage))),
            KernelStatus.view(status),
            console,
            console_lines(console),
            {end.channel: _counters(read, plan, end) for end in plan.ends},
        )
    return Run(system, end, serial, sandboxes, read)


def _counters(read: Callable[[int, int], bytes], plan: SandboxPlan, end: EndPlan) -> EndStatus:
    """Of a process's end its kernel counts a part."""
    kinds = {"sender": Sender, "receiver": Receiver, "writer": Writer, "reader": Reader}
    if end.wait:
        kinds = {
            "sender": process.Sender,
            "receiver": process.Receiver,
            "writer": process.Writer,
            "reader": process.Reader,
        }
    kind = kinds[end.role]
    counters: EndStatus = kind.view(read(plan.physical(end.object), sizeof(kind))).wait.counters
    if end.wait:
        counters = EndStatus.view(bytearray(bytes(counters)))
        kept = Wait.view(read(plan.physical(end.wait), sizeof(Wait))).counters
        for name in inspect.get_annotations(EndStatus):
            setattr(counters, name, getattr(counters, name) + getattr(kept, name))
    return counters


def console_lines(console: Console) -> list[str]:
    """What a kernel has logged, as far as its console still has it."""
    written = int(console.written.load(None))  # type: ignore[arg-type]
    lines = []
    for number in range(max(0, written - SLOTS), written):
        slot = console.slots[number % SLOTS]
        lines.append(bytes(slot.text)[: int(slot.length)].decode(errors="replace"))
    return lines


def input_file(
    system: BuiltSystem, sandbox: str, contents: bytes, folder: Path, *, index: int = 0
) -> tuple[int, Path]:
    """One of ``contents``: an input's bytes with their header, as the host lays them down."""
    file = folder / f"input-{sandbox}-{index}.bin"
    header = InputHeader(magic=INPUT_MAGIC, length=len(contents))
    file.write_bytes(bytes(header).ljust(PAGE_SIZE, b"\0") + contents)
    return system.plan.sandbox(sandbox).inputs[index].physical, file


def boot(
    folder: Path, description: str, tasks: str, *, checks: bool = False, **options: object
) -> Run:
    """Build and run in one."""
    system = build(write_system(folder, description, tasks), checks=checks)
    return run_system(system, folder, **options)  # type: ignore[arg-type]


# ---- descriptions in brief ---------------------------------------------------------------------


def system_text(*parts: str, machine: str = "", run: str = "") -> str:
    """A description; ``machine`` and ``run`` are lines of the tables of these names."""
    memory = "" if "memory" in machine else 'memory = "16 MiB"\n'
    head = f'version = 1\nname = "test"\n[machine]\n{memory}{machine}\n[run]\n{run}\n'
    return head + "\n".join(parts)


def sandbox_text(name: str, *parts: str, memory: str = "512 KiB", keys: str = "") -> str:
    """A sandbox with its tasks and inputs; ``keys`` are further lines of its own table."""
    return f'[[sandbox]]\nname = "{name}"\nmemory = "{memory}"\n{keys}\n' + "\n".join(parts)


def foreign_text(name: str, file: str, *kernel: str, memory: str = "2 MiB", keys: str = "") -> str:
    """A sandbox with a foreign kernel; ``kernel`` are further lines of its table."""
    lines = "\n".join(kernel)
    return (
        f'[[sandbox]]\nname = "{name}"\nmemory = "{memory}"\n{keys}\n'
        f'[sandbox.kernel]\nfile = "{file}"\n{lines}\n'
    )


def task_text(
    function: str,
    priority: int | None = 1,
    *,
    name: str = "",
    stack: str = "8 KiB",
    keys: str = "",
    **bind: float | str,
) -> str:
    """A task that runs ``tasks:function``; ``keys`` are further lines of its own table."""
    rank = "" if priority is None else f"priority = {priority}\n"
    return (
        f'[[sandbox.task]]\nname = "{name or function.replace("_", "-")}"\n'
        f'run = "tasks:{function}"\n{rank}stack = "{stack}"\n{keys}\n'
        f"bind = {{ {_bound(bind)} }}\n"
    )


def timed_text(
    function: str,
    period: str | int | None = None,
    budget: str | int | None = None,
    *,
    name: str = "",
    stack: str = "8 KiB",
    keys: str = "",
    **bind: float | str,
) -> str:
    """A task that runs ``tasks:function`` in a budget of its own.

    Of what is left out its decorator tells; ``keys`` are further lines of its own table.
    """
    times = {"period": period, "budget": budget}
    lines = [f"{key} = {_value(value)}" for key, value in times.items() if value is not None]
    return task_text(function, None, name=name, stack=stack, keys="\n".join([*lines, keys]), **bind)


def _bound(bind: dict[str, float | str]) -> str:
    return ", ".join(f"{key} = {_value(value)}" for key, value in bind.items())


def _value(value: float | str) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def vcpu_text(name: str, period: str | int, budget: str | int, *, keys: str = "") -> str:
    """A VCPU that tasks share."""
    return (
        f'[[sandbox.vcpu]]\nname = "{name}"\nkind = "main"\nperiod = {_value(period)}\n'
        f"budget = {_value(budget)}\n{keys}\n"
    )


def io_vcpu_text(name: str, utilization: float) -> str:
    """A VCPU for devices' bottom halves."""
    return f'[[sandbox.vcpu]]\nname = "{name}"\nkind = "io"\nutilization = {utilization}\n'


def mutex_text(name: str, hold: str | int) -> str:
    """A mutex."""
    return f'[[sandbox.mutex]]\nname = "{name}"\nhold = {_value(hold)}\n'


def ring_text(name: str, sender: str, receiver: str, size: str = "4 KiB") -> str:
    """A ring."""
    return (
        f'[[channel]]\nname = "{name}"\nkind = "ring"\n'
        f'from = "{sender}"\nto = "{receiver}"\nsize = "{size}"\n'
    )


def four_slot_text(name: str, writer: str, reader: str, message: int) -> str:
    """A four-slot register of ``message`` bytes."""
    return (
        f'[[channel]]\nname = "{name}"\nkind = "four-slot"\n'
        f'from = "{writer}"\nto = "{reader}"\nmessage = {message}\n'
    )


# ---- the command line --------------------------------------------------------------------------


def questv(*arguments: object, timeout: float = 60) -> str:
    """What ``questv`` with these arguments prints, which has to succeed."""
    command = [str(Path(sys.executable).with_name("questv")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
