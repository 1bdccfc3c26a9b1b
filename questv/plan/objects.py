"""The kernel's objects that tasks are given: which table of the kernel holds which kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.inputs import Input
from questv.kernel.mutexes import Mutex
from questv.kernel.streams import Stream
from questv.metal.structs import sizeof
from questv.process import channels, inputs
from questv.system.tasks import ParameterKind

Role = Literal["sender", "receiver", "writer", "reader"]


@dataclass(frozen=True)
class ObjectTable:
    """An array in the kernel, by its symbol, and the size in bytes of each of its objects."""

    symbol: str
    size: int


TABLES = {
    ParameterKind.SENDER: ObjectTable("kernel_senders", sizeof(Sender)),
    ParameterKind.RECEIVER: ObjectTable("kernel_receivers", sizeof(Receiver)),
    ParameterKind.WRITER: ObjectTable("kernel_writers", sizeof(Writer)),
    ParameterKind.READER: ObjectTable("kernel_readers", sizeof(Reader)),
    ParameterKind.INPUT: ObjectTable("kernel_inputs", sizeof(Input)),
    ParameterKind.STREAM: ObjectTable("kernel_streams", sizeof(Stream)),
    ParameterKind.MUTEX: ObjectTable("kernel_mutexes", sizeof(Mutex)),
}

PROCESS_TABLES = {
    ParameterKind.SENDER: ObjectTable("process_senders", sizeof(channels.Sender)),
    ParameterKind.RECEIVER: ObjectTable("process_receivers", sizeof(channels.Receiver)),
    ParameterKind.WRITER: ObjectTable("process_writers", sizeof(channels.Writer)),
    ParameterKind.READER: ObjectTable("process_readers", sizeof(channels.Reader)),
    ParameterKind.INPUT: ObjectTable("process_inputs", sizeof(inputs.Input)),
}
"""The same for a process, which has its own."""

ROLES: dict[ParameterKind, Role] = {
    ParameterKind.SENDER: "sender",
    ParameterKind.RECEIVER: "receiver",
    ParameterKind.WRITER: "writer",
    ParameterKind.READER: "reader",
}
"""What a task that is given an end of a channel is in it."""
