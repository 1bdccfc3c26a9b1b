"""The system description as typed models: what can be said in ``system.toml``.

A model holds a table's keys, types and defaults, and the way names, sizes and functions are
spelt; what they may mean together is the concern of ``questv.system.rules``. Sizes are in bytes.
The Python attribute has the key's name, but for the words that read better otherwise (``from`` is
``sender``) and for lists (``sandbox`` is ``sandboxes``).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictInt,
    StrictStr,
)
from pydantic_core import PydanticCustomError

from questv.system.units import parse_size

FORMAT_VERSION = 1

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("name_syntax", "not a name")
    return value


def _function(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise PydanticCustomError("function_syntax", "not a function")
    return value


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("size_type", "not a size")
    try:
        return parse_size(value)
    except ValueError as error:
        raise PydanticCustomError("size_invalid", "{reason}", {"reason": str(error)}) from None


def _argument(value: object) -> str | int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("argument_type", "not a name or an integer")
    return value


@dataclass(frozen=True)
class Described:
    """What the documentation calls a type of values."""

    words: str


Name = Annotated[StrictStr, AfterValidator(_name), Described("name")]
SandboxName = Annotated[StrictStr, Described("name of a sandbox")]
FunctionName = Annotated[StrictStr, AfterValidator(_function), Described("`module:function`")]
Size = Annotated[int, PlainValidator(_size), Described("size")]
Argument = Annotated[str | int, PlainValidator(_argument), Described("name or integer")]


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
    """A real-time task of a sandbox: a function of typed Python."""

    header: ClassVar[str] = "[[sandbox.task]]"

    name: Name = Field(description="Its name, unique in the sandbox.")
    run: FunctionName = Field(description="The function, in a module of the folder.")
    priority: StrictInt = Field(
        description="0 to 255, unique in the sandbox; of the tasks that can run the highest does."
    )
    stack: Size = Field(default=8 << 10, description="Its stack, a multiple of 4 KiB.")
    isolation: Isolation = Field(
        default=Isolation.KERNEL,
        description=(
            "`kernel`: a part of its kernel; `process`: a program of its own in user mode, which "
            "sees its own memory and channels alone; what it does wrong ends it and nothing else."
        ),
    )
    bind: dict[str, Argument] = Field(
        default_factory=dict,
        description=(
            "What the function's parameters stand for: a channel, input or device by its name, or "
            "an integer. A parameter that is not named here stands for what has its own name, `_` "
            "in Python being `-` here."
        ),
    )


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


class VirtioConsoleDevice(Table):
    """A virtio console of QEMU's microvm, driven by its owner and nobody else."""

    header: ClassVar[str] = '[[device]] with kind = "virtio-console"'

    name: Name = Field(description="Its name, unique among all devices.")
    kind: Literal["virtio-console"] = Field(description="Which kind: `uart` or `virtio-console`.")
    owner: SandboxName = Field(description="The sandbox that drives it.")
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


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): System,
    ("machine",): Machine,
    ("run",): Run,
    ("sandbox",): Sandbox,
    ("sandbox", "task"): Task,
    ("sandbox", "kernel"): Kernel,
    ("sandbox", "input"): Input,
    ("sandbox", "ports"): PortRange,
    ("sandbox", "msr"): Msr,
    ("channel", "ring"): RingChannel,
    ("channel", "four-slot"): FourSlotChannel,
    ("device", "uart"): UartDevice,
    ("device", "virtio-console"): VirtioConsoleDevice,
}
"""All tables by their path without indices; where there are several kinds, that ends with one."""


def keys(table: type[Table]) -> dict[str, str]:
    """The keys of ``table`` as the description spells them, each with its attribute's name."""
    return {field.alias or name: name for name, field in table.model_fields.items()}
