"""What the parameters of the tasks' functions stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from questv.diagnostics import Place
from questv.system.draft import Draft, Located, inputs, mutexes, tasks
from questv.system.model import Channel, Device, Input, Mutex, Sandbox, Task
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


Target = Located[Channel] | Located[Input] | Located[Device] | Located[Mutex]


@dataclass(frozen=True)
class Parameter:
    """One parameter of one task's function, in the light of the description.

    ``written`` is its entry in ``bind``, None without one. ``channel``, ``input``, ``device`` or
    ``mutex`` is what it stands for, rightly or wrongly; all are None if that is a number, the
    task's own state, or nothing.
    """

    sandbox: Located[Sandbox]
    task: Located[Task]
    signature: TaskSignature
    name: str
    kind: ParameterKind
    written: str | int | float | None
    channel: Located[Channel] | None
    input: Located[Input] | None
    device: Located[Device] | None
    mutex: Located[Mutex] | None

    @property
    def target(self) -> Target | None:
        """What it stands for, whatever that is."""
        return self.channel or self.input or self.device or self.mutex

    @property
    def is_named(self) -> bool:
        """Whether it stands for something that has a name in the description."""
        return self.kind in TARGETS

    @property
    def place(self) -> Place:
        """Where the description says what the parameter stands for."""
        if self.written is None:
            return self.task.value("run")
        return self.task.value("bind", self.name)

    @property
    def party(self) -> str:
        """The sandbox whose ends of channels the task has: its own, or that of whom it stands in
        for."""
        original = self.task.item.stands_in_for
        return self.sandbox.item.name if original is None else original.partition(".")[0]

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
        locks = {each.item.name: each for each in reversed(mutexes(sandbox))}
        for task in tasks(sandbox):
            signature = draft.functions[task.item.run]
            if isinstance(signature, TaskSignature):
                for name, kind in signature.parameters.items():
                    written = task.item.bind.get(name)
                    wanted = _reference(name, kind, written)
                    channel, input_ = channels.get(wanted), visible.get(wanted)
                    device, mutex = devices.get(wanted), locks.get(wanted)
                    # That two have one name is an error; the kind tells which one was meant.
                    found = {"channel": channel, "input": input_, "device": device, "mutex": mutex}
                    there = [what for what, target in found.items() if target is not None]
                    meant = TARGETS.get(kind)
                    what = meant if meant in there else next(iter(there), None)
                    yield Parameter(
                        sandbox,
                        task,
                        signature,
                        name,
                        kind,
                        written,
                        channel if what == "channel" else None,
                        input_ if what == "input" else None,
                        device if what == "device" else None,
                        mutex if what == "mutex" else None,
                    )


TARGETS = {
    **dict.fromkeys(CHANNEL_KINDS, "channel"),
    ParameterKind.INPUT: "input",
    ParameterKind.STREAM: "device",
    ParameterKind.MUTEX: "mutex",
}
"""What a parameter of each kind stands for, if that has a name."""


def _reference(name: str, kind: ParameterKind, written: str | int | float | None) -> str:
    """The name of what a parameter stands for; empty if it has none."""
    if kind not in TARGETS or isinstance(written, int | float):
        return ""
    return default_reference(name) if written is None else written


def default_reference(parameter: str) -> str:
    """The name of what ``parameter`` stands for if ``bind`` has no entry for it."""
    return parameter.replace("_", "-")


def settled_sandboxes(draft: Draft) -> frozenset[str]:
    """The sandboxes that have tasks and of which it is known what all parameters stand for."""
    unsettled = {
        each.sandbox.item.name
        for each in parameters(draft)
        if each.is_named and each.target is None
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
