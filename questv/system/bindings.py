"""What the parameters of the tasks' functions stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from questv.diagnostics import Place
from questv.system.draft import Draft, Located, inputs, tasks
from questv.system.model import Channel, Device, Input, Sandbox, Task
from questv.system.tasks import ParameterKind, TaskSignature
from questv.system.wording import source_position

RING_KINDS = (ParameterKind.SENDER, ParameterKind.RECEIVER)
FOUR_SLOT_KINDS = (ParameterKind.WRITER, ParameterKind.READER)
CHANNEL_KINDS = RING_KINDS + FOUR_SLOT_KINDS
SENDING_KINDS = (ParameterKind.SENDER, ParameterKind.WRITER)
OPPOSITE = {
    ParameterKind.SENDER: ParameterKind.RECEIVER,
    ParameterKind.RECEIVER: ParameterKind.SENDER,
    ParameterKind.WRITER: ParameterKind.READER,
    ParameterKind.READER: ParameterKind.WRITER,
}
"""What takes the other end of the same channel."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of one task's function, in the light of the description.

    ``written`` is its entry in ``bind``, None without one. ``channel``, ``input`` or ``device`` is
    what it stands for, rightly or wrongly; all are None if that is an integer or nothing.
    """

    sandbox: Located[Sandbox]
    task: Located[Task]
    signature: TaskSignature
    name: str
    kind: ParameterKind
    written: str | int | None
    channel: Located[Channel] | None
    input: Located[Input] | None
    device: Located[Device] | None

    @property
    def target(self) -> Located[Channel] | Located[Input] | Located[Device] | None:
        """What it stands for, whatever that is."""
        return self.channel or self.input or self.device

    @property
    def place(self) -> Place:
        """Where the description says what the parameter stands for."""
        if self.written is None:
            return self.task.value("run")
        return self.task.value("bind", self.name)

    @property
    def end(self) -> str:
        """The key of a channel for the sandbox that does what this kind of parameter does."""
        return "from" if self.kind in SENDING_KINDS else "to"

    @property
    def described(self) -> str:
        """The parameter, its kind and the place of its function, for a message."""
        where = source_position(self.signature.place)
        return f'parameter "{self.name}" ({self.kind.value}, {where})'


def parameters(draft: Draft) -> Iterator[Parameter]:
    """All parameters of all tasks whose functions are usable, in file order."""
    channels = {channel.item.name: channel for channel in reversed(draft.channels)}
    devices = {device.item.name: device for device in reversed(draft.devices)}
    all_inputs = {each.item.name: each for each in reversed(draft.inputs)}
    for sandbox in draft.sandboxes:
        visible = all_inputs | {each.item.name: each for each in reversed(inputs(sandbox))}
        for task in tasks(sandbox):
            signature = draft.functions[task.item.run]
            if isinstance(signature, TaskSignature):
                for name, kind in signature.parameters.items():
                    written = task.item.bind.get(name)
                    wanted = _reference(name, kind, written) or ""
                    channel, input_ = channels.get(wanted), visible.get(wanted)
                    device = devices.get(wanted)
                    # That two have one name is an error; the kind tells which one was meant.
                    if kind is ParameterKind.INPUT and input_:
                        channel, device = None, None
                    elif kind is ParameterKind.STREAM and device:
                        channel, input_ = None, None
                    elif channel:
                        input_, device = None, None
                    elif input_:
                        device = None
                    yield Parameter(
                        sandbox, task, signature, name, kind, written, channel, input_, device
                    )


def _reference(name: str, kind: ParameterKind, written: str | int | None) -> str | None:
    """The name of what a parameter stands for; None if it is an integer."""
    if kind is ParameterKind.INTEGER or isinstance(written, int):
        return None
    return default_reference(name) if written is None else written


def default_reference(parameter: str) -> str:
    """The name of what ``parameter`` stands for if ``bind`` has no entry for it."""
    return parameter.replace("_", "-")


def settled_sandboxes(draft: Draft) -> frozenset[str]:
    """The sandboxes that have tasks and of which it is known what all parameters stand for."""
    unsettled = {
        each.sandbox.item.name
        for each in parameters(draft)
        if each.kind is not ParameterKind.INTEGER and each.target is None
    }
    return frozenset(
        sandbox.name
        for sandbox in draft.system.sandboxes
        if sandbox.tasks
        and all(isinstance(draft.functions[task.run], TaskSignature) for task in sandbox.tasks)
        and sandbox.name not in unsettled
    )


def at_end(channel: Channel, end: str) -> str:
    """The name of the sandbox at ``end`` of ``channel``, which is ``"from"`` or ``"to"``."""
    return channel.sender if end == "from" else channel.receiver
