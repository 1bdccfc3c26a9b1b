"""The system description as typed models: what can be said in ``system.toml``.

A model holds a table's keys, types and defaults, and the way names, sizes and functions are
spelt; what they may mean together is the concern of ``questv.system.rules``. Sizes are in bytes,
durations in nanoseconds.
The Python attribute has the key's name, but for the words that read better otherwise (``from`` is
``sender``) and for lists (``sandbox`` is ``sandboxes``).
"""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from questv.system.values import (
    Argument,
    Duration,
    FunctionName,
    Name,
    Number,
    SandboxName,
    Size,
    TaskPath,
    VcpuName,
)

FORMAT_VERSION = 1


class ApicMode(StrEnum):
    """How far a sandbox reaches its local interrupt controller."""

    GUARDED = "guarded"
    DIRECT = "direct"


class MsrAccess(StrEnum):
    """What a sandbox may do with a model-specific register."""

    READ = "r"
    READ_WRITE = "rw"


class Table(BaseModel):
    """A table of the description: it never changes and has no key but its own.

    ``header`` is what stands above the table in the file.
    """

    header: ClassVar[str]
    model_config = ConfigDict(frozen=True, extra="forbid")


class X2Apic(StrEnum):
    """Whether a machine has to have an x2APIC."""

    PREFERRED = "preferred"
    REQUIRED = "required"


class Machine(Table):
    """The whole machine."""

    header: ClassVar[str] = "[machine]"

    memory: Size = Field(
        default=64 << 20,
        description="RAM that the plan may use below 4 GiB, a multiple of 4 KiB.",
    )
    x2apic: X2Apic = Field(
        default=X2Apic.PREFERRED,
        description=(
            "`required`: a machine without an x2APIC is refused at boot; `preferred`: there, "
            "guarded kernels reach their timers through their monitors, at the price of exits."
        ),
    )


class Run(Table):
    """One run of the system: when it ends and what is checked afterwards."""

    header: ClassVar[str] = "[run]"

    until: tuple[SandboxName, ...] | None = Field(
        default=None,
        description="The run ends when these sandboxes have ended; if left out, when all have.",
    )
    expect: FunctionName | None = Field(
        default=None,
        description="Python function in the folder that checks the run, on the host, after it.",
    )


class Isolation(StrEnum):
    """What a task is held in."""

    KERNEL = "kernel"
    PROCESS = "process"


class Task(Table):
    """A task of a sandbox: a function of typed Python.

    It has a VCPU of its own, by a period and a budget; or shares one; or else gets what is left.
    """

    header: ClassVar[str] = "[[sandbox.task]]"

    name: Name = Field(description="Its name, unique in the sandbox.")
    run: FunctionName = Field(description="The function, in a module of the folder.")
    period: Duration | None = Field(
        default=None,
        description=(
            "How often it has its budget, and how often a periodic function is called; if left "
            "out, what the function's decorator says."
        ),
    )
    budget: Duration | None = Field(
        default=None,
        description=(
            "The time that it has each period, at most the period; if left out, what the "
            "function's decorator says."
        ),
    )
    deadline: Duration | None = Field(
        default=None,
        description=(
            "When a call of a periodic function has to have returned, after the period's begin; "
            "if left out, the period, which is the most."
        ),
    )
    level: StrictInt | None = Field(
        default=None,
        description="How critical it is, 0 to 3; 0 if left out. For a budget of its own.",
    )
    overrun_budget: Duration | None = Field(
        default=None,
        description=(
            "For a level above 0: a larger budget, which it has once the first was not enough, "
            "while lower levels yield."
        ),
    )
    vcpu: VcpuName | None = Field(
        default=None,
        description="In the place of a budget: the VCPU of kind `main` that it shares.",
    )
    priority: StrictInt | None = Field(
        default=None,
        description=(
            "0 to 255, for a task without a budget of its own: of those that share a VCPU, or "
            "what is left, the highest that can run does; unique among them."
        ),
    )
    stack: Size = Field(default=8 << 10, description="Its stack, a multiple of 4 KiB.")
    isolation: Isolation = Field(
        default=Isolation.KERNEL,
        description=(
            "`kernel`: a part of its kernel; `process`: a program of its own in user mode, which "
            "sees its own memory and channels alone; what it does wrong ends it and nothing else."
        ),
    )
    stands_in_for: TaskPath | None = Field(
        default=None,
        description=(
            "A task of a sandbox that fails over to this one: it sleeps until then, and takes that "
            "task's place, with its ends of channels and what survives of its states. `bind` names "
            "the same channels."
        ),
    )
    migrates_to: tuple[SandboxName, ...] = Field(
        default=(),
        description=(
            "For a process with a budget of its own: the sandboxes, besides its own, to whose "
            "kernels it can be moved while it runs. Each keeps a place and a budget for it."
        ),
    )
    bind: dict[str, Argument] = Field(
        default_factory=dict,
        description=(
            "What the function's parameters stand for: a channel, input, device or mutex by its "
            "name, or a number. A parameter that is not named here stands for what has its own "
            "name, `_` in Python being `-` here."
        ),
    )


class MainVcpu(Table):
    """Time that tasks share: a budget each period, as a sporadic server gives it out."""

    header: ClassVar[str] = '[[sandbox.vcpu]] with kind = "main"'

    name: Name = Field(description="Its name, unique among the VCPUs of the sandbox.")
    kind: Literal["main"] = Field(description="Which kind: `main` or `io`.")
    period: Duration = Field(description="How often there is the budget.")
    budget: Duration = Field(description="The time that there is each period, at most the period.")
    level: StrictInt | None = Field(
        default=None, description="How critical its tasks are, 0 to 3; 0 if left out."
    )
    overrun_budget: Duration | None = Field(
        default=None,
        description=(
            "For a level above 0: a larger budget, which there is once the first was not enough, "
            "while lower levels yield."
        ),
    )


class IoVcpu(Table):
    """Time for what devices' interrupts leave to be done, on behalf of the tasks that drive them.

    It has the urgency of each such task, a budget of this share of that task's period, and the
    highest of their levels.
    """

    header: ClassVar[str] = '[[sandbox.vcpu]] with kind = "io"'

    name: Name = Field(description="Its name, unique among the VCPUs of the sandbox.")
    kind: Literal["io"] = Field(description="Which kind: `main` or `io`.")
    utilization: Number = Field(description="Its share of the core's time, 0.001 to 1.")


Vcpu = MainVcpu | IoVcpu


class Migration(Table):
    """The time in which a kernel moves tasks to other kernels, and takes them from there."""

    header: ClassVar[str] = "[sandbox.migration]"

    period: Duration = Field(
        description="How often there is the budget, and how often it is looked who is to move."
    )
    budget: Duration = Field(description="The time that there is each period, at most the period.")


class OnFault(StrEnum):
    """What happens to a sandbox whose kernel has failed, or did what it may not."""

    STOP = "stop"
    RESTART = "restart"
    FAIL_OVER = "fail-over"


class Recovery(Table):
    """What is done about a fault of the sandbox's kernel; without this table it is stopped."""

    header: ClassVar[str] = "[sandbox.recovery]"

    on_fault: OnFault = Field(
        description=(
            "`stop`: the sandbox ends; `restart`: its kernel begins anew, with its memory as at "
            "the start; `fail-over`: the sandbox ends, and tasks of `to` take the place of its own."
        )
    )
    to: SandboxName | None = Field(
        default=None,
        description="For `fail-over`: the sandbox with the tasks that stand in for this one's.",
    )
    limit: StrictInt = Field(
        default=3,
        description=(
            "For `restart`: so many within `window`, 1 to 16; at one more fault the sandbox is "
            "stopped."
        ),
    )
    window: Duration = Field(
        default=1_000_000_000, description="The time in which restarts are counted."
    )
    back_off: Duration = Field(
        default=100_000,
        description=(
            "The time before the first restart within `window`, twice that before the next, and so "
            "on."
        ),
    )


class Heartbeat(Table):
    """How a kernel shows that it lives, and whose signs of life it looks at."""

    header: ClassVar[str] = "[sandbox.heartbeat]"

    period: Duration = Field(
        description="How often it shows that it lives, and looks at those that it watches."
    )
    deadline: Duration | None = Field(
        default=None,
        description=(
            "After so much time without a sign of life it has hung, if its monitor agrees; if left "
            "out, three periods."
        ),
    )
    watches: tuple[SandboxName, ...] = Field(
        default=(), description="The sandboxes that it watches."
    )
    checks: Size | None = Field(
        default=None,
        description=(
            "So much of its memory that never changes it checks each period, a multiple of 8 B, at "
            "most 4 KiB: text, constants, and what it was told. If left out, none."
        ),
    )

    @property
    def patience(self) -> int:
        """The deadline in nanoseconds, written or not."""
        return 3 * self.period if self.deadline is None else self.deadline


class Mutex(Table):
    """What only one task at a time can hold, of the tasks of its sandbox that are given it."""

    header: ClassVar[str] = "[[sandbox.mutex]]"

    name: Name = Field(description="Its name, unique among the mutexes of the sandbox.")
    hold: Duration = Field(description="The longest that a task holds it.")


class Input(Table):
    """A file of the host, mapped read-only into one sandbox before it boots."""

    header: ClassVar[str] = "[[sandbox.input]]"

    name: Name = Field(description="Its name, unique among all inputs and channels.")
    size: Size = Field(description="The largest file that fits, a multiple of 4 KiB.")


class PortRange(Table):
    """I/O ports that a sandbox may use besides those of its devices."""

    header: ClassVar[str] = "[[sandbox.ports]]"

    first: StrictInt = Field(description="The first port, 0 to 0xffff.")
    last: StrictInt = Field(description="The last port, not below the first.")


class Msr(Table):
    """A model-specific register that a sandbox may use besides those that are always its own."""

    header: ClassVar[str] = "[[sandbox.msr]]"

    number: StrictInt = Field(description="Its number.")
    access: MsrAccess = Field(description="Reading, or reading and writing.")


class Undeclared(StrEnum):
    """What becomes of a kernel that uses ports and MSRs that are not its own."""

    ABSENT = "absent"
    STOP = "stop"


class Kernel(Table):
    """A foreign kernel, in the place of tasks: always guarded, its memory from address 0."""

    header: ClassVar[str] = "[sandbox.kernel]"

    file: StrictStr = Field(
        description=(
            "The file, seen from the folder: ELF for x86-64, assembly source (`.s`), or with "
            "`load` any bytes."
        )
    )
    load: Size | None = Field(
        default=None,
        description=(
            "Makes the file a flat binary, loaded at this guest-physical address; for assembly, "
            "where it is linked, 1 MiB if left out."
        ),
    )
    entry: Size | None = Field(
        default=None,
        description="Where a flat binary is entered; if left out, at its first byte.",
    )
    command_line: StrictStr = Field(default="", description="What the kernel is told at its start.")
    undeclared: Undeclared = Field(
        default=Undeclared.ABSENT,
        description=(
            "Ports and MSRs that are not the sandbox's: `absent`, as where there is no such "
            "device: ports read as ones and drop what is written, MSRs are a general protection "
            "fault; `stop`: the first use stops the sandbox, as it does in others."
        ),
    )


class Sandbox(Table):
    """A kernel with its monitor, alone on one core."""

    header: ClassVar[str] = "[[sandbox]]"

    name: Name = Field(description="Its name, unique among all sandboxes.")
    core: StrictInt | None = Field(
        default=None,
        description=(
            "Its core, 0 to 63, for it alone; if left out, the lowest core that no sandbox names "
            "and no earlier one was given."
        ),
    )
    memory: Size = Field(
        description=(
            "All that the kernel has for text, data, stacks and page tables, a multiple of 4 KiB."
        )
    )
    apic: ApicMode = Field(
        default=ApicMode.GUARDED,
        description=(
            "`guarded`: each interrupt to another core is checked by the monitor; `direct`: none "
            "is, for a kernel that is trusted not to stop or restart other cores."
        ),
    )
    tasks: tuple[Task, ...] = Field(default=(), alias="task", description="Its tasks.")
    vcpus: tuple[Annotated[Vcpu, Field(discriminator="kind")], ...] = Field(
        default=(), alias="vcpu", description="VCPUs that tasks share, or that devices have."
    )
    mutexes: tuple[Mutex, ...] = Field(
        default=(), alias="mutex", description="What its tasks can lock."
    )
    migration: Migration | None = Field(
        default=None, description="For a kernel between which and others tasks move."
    )
    heartbeat: Heartbeat | None = Field(
        default=None, description="How others can tell that its kernel lives."
    )
    recovery: Recovery | None = Field(
        default=None, description="What is done about a fault of its kernel."
    )
    kernel: Kernel | None = Field(
        default=None, description="A foreign kernel, in the place of tasks."
    )
    inputs: tuple[Input, ...] = Field(default=(), alias="input", description="Its inputs.")
    ports: tuple[PortRange, ...] = Field(default=(), description="Further I/O ports it may use.")
    msrs: tuple[Msr, ...] = Field(default=(), alias="msr", description="Further MSRs it may use.")


class RingChannel(Table):
    """A lossless ring of messages of any size, with one producer and one consumer."""

    header: ClassVar[str] = '[[channel]] with kind = "ring"'

    name: Name = Field(description="Its name, unique among all inputs and channels.")
    kind: Literal["ring"] = Field(description="Which kind: `ring` or `four-slot`.")
    sender: SandboxName = Field(alias="from", description="The sandbox that sends.")
    receiver: SandboxName = Field(alias="to", description="The sandbox that receives, another one.")
    size: Size = Field(
        default=64 << 10, description="Bytes of the ring, a power of two, 4 KiB to 16 MiB."
    )


class FourSlotChannel(Table):
    """Simpson's four-slot register: the newest value, wait-free, one writer and one reader."""

    header: ClassVar[str] = '[[channel]] with kind = "four-slot"'

    name: Name = Field(description="Its name, unique among all inputs and channels.")
    kind: Literal["four-slot"] = Field(description="Which kind: `ring` or `four-slot`.")
    sender: SandboxName = Field(alias="from", description="The sandbox that writes.")
    receiver: SandboxName = Field(alias="to", description="The sandbox that reads, another one.")
    message: Size = Field(description="Bytes of the value, 1 B to 1 MiB.")


Channel = RingChannel | FourSlotChannel


class UartDevice(Table):
    """A serial port, driven by its owner and nobody else."""

    header: ClassVar[str] = '[[device]] with kind = "uart"'

    name: StrictStr = Field(description="Which one: `com1` or `com2`.")
    kind: Literal["uart"] = Field(description="Which kind: `uart` or `virtio-console`.")
    owner: SandboxName = Field(description="The sandbox that drives it.")
    vcpu: VcpuName | None = Field(
        default=None,
        description=(
            "The VCPU of kind `io` of its owner that has the time for what its interrupts leave to "
            "be done; if left out, the interrupts do it themselves."
        ),
    )


class VirtioConsoleDevice(Table):
    """A virtio console of QEMU's microvm, driven by its owner and nobody else."""

    header: ClassVar[str] = '[[device]] with kind = "virtio-console"'

    name: Name = Field(description="Its name, unique among all devices.")
    kind: Literal["virtio-console"] = Field(description="Which kind: `uart` or `virtio-console`.")
    owner: SandboxName = Field(description="The sandbox that drives it.")
    vcpu: VcpuName | None = Field(
        default=None,
        description=(
            "The VCPU of kind `io` of its owner that has the time for what its interrupts leave to "
            "be done; if left out, the interrupts do it themselves."
        ),
    )
    slot: StrictInt = Field(
        description="Its virtio-mmio slot, 1 to 23; all of 1 to 7, of 8 to 15 and of 16 to 23 have "
        "one owner."
    )
    dma: Literal["trusted"] | None = Field(
        default=None,
        description=(
            "`trusted`: its owner may be trusted with all memory. Whoever drives the device can "
            "have it read and write any, and no IOMMU is there to prevent that."
        ),
    )


Device = UartDevice | VirtioConsoleDevice


class Chain(Table):
    """Tasks that pass data on, each to the next, and how long that may take from end to end."""

    header: ClassVar[str] = "[[chain]]"

    name: Name = Field(description="Its name, unique among all chains.")
    tasks: tuple[TaskPath, ...] = Field(
        description="Two or more tasks, each joined to the next by a channel."
    )
    latency: Duration = Field(
        description=(
            "The longest from a release of the first task to the end of the last one's call that "
            "used its data."
        )
    )
    freshness: Duration | None = Field(
        default=None, description="The oldest that data may be when the last task acts on it."
    )


class System(Table):
    """The description as a whole."""

    header: ClassVar[str] = "the top of the file"

    version: StrictInt = Field(description=f"Version of this format: {FORMAT_VERSION}.")
    name: Name = Field(description="The system's name.")
    machine: Machine = Field(default=Machine(), description="The whole machine.")
    run: Run = Field(default=Run(), description="One run of the system.")
    sandboxes: tuple[Sandbox, ...] = Field(
        default=(), alias="sandbox", description="The sandboxes, at least one."
    )
    channels: tuple[Annotated[Channel, Field(discriminator="kind")], ...] = Field(
        default=(), alias="channel", description="The channels between sandboxes."
    )
    devices: tuple[Annotated[Device, Field(discriminator="kind")], ...] = Field(
        default=(), alias="device", description="The devices that sandboxes drive."
    )
    chains: tuple[Chain, ...] = Field(
        default=(), alias="chain", description="What is promised from end to end."
    )

    def cores(self) -> tuple[int, ...]:
        """The core of each sandbox, in their order, those left out in the description given.

        A sandbox without a core has the lowest one that no sandbox names and that no earlier
        sandbox was given.
        """
        named = {sandbox.core for sandbox in self.sandboxes}
        free = (core for core in itertools.count() if core not in named)
        return tuple(
            next(free) if sandbox.core is None else sandbox.core for sandbox in self.sandboxes
        )


def suspicion_gap(system: System, watcher: Heartbeat) -> int:
    """The least time in nanoseconds between two suspicions of one sandbox by a watcher."""
    beats = {sandbox.name: sandbox.heartbeat for sandbox in system.sandboxes}
    watched = (beats[name] for name in watcher.watches)
    return min((each.patience for each in watched if each is not None), default=0)


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): System,
    ("machine",): Machine,
    ("run",): Run,
    ("sandbox",): Sandbox,
    ("sandbox", "task"): Task,
    ("sandbox", "vcpu", "main"): MainVcpu,
    ("sandbox", "vcpu", "io"): IoVcpu,
    ("sandbox", "mutex"): Mutex,
    ("sandbox", "migration"): Migration,
    ("sandbox", "heartbeat"): Heartbeat,
    ("sandbox", "recovery"): Recovery,
    ("sandbox", "kernel"): Kernel,
    ("sandbox", "input"): Input,
    ("sandbox", "ports"): PortRange,
    ("sandbox", "msr"): Msr,
    ("channel", "ring"): RingChannel,
    ("channel", "four-slot"): FourSlotChannel,
    ("device", "uart"): UartDevice,
    ("device", "virtio-console"): VirtioConsoleDevice,
    ("chain",): Chain,
}
"""All tables by their path without indices; where there are several kinds, that ends with one."""


def keys(table: type[Table]) -> dict[str, str]:
    """The keys of ``table`` as the description spells them, each with its attribute's name."""
    return {field.alias or name: name for name, field in table.model_fields.items()}
