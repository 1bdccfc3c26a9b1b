"""The ends of channels, as their own kernels keep them: in the objects that tasks are given."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from questv.channel import ring
from questv.inspect.guest import Guest
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.doorbells import Wait, WaitState
from questv.kernel.status import EndStatus
from questv.plan.model import EndPlan, SandboxPlan
from questv.process import channels

_WORD = (1 << 64) - 1  # a process may have scribbled over its counters

_OBJECTS: dict[str, type[Sender | Receiver | Writer | Reader]] = {
    "sender": Sender,
    "receiver": Receiver,
    "writer": Writer,
    "reader": Reader,
}


_PROCESS_OBJECTS: dict[
    str, type[channels.Sender | channels.Receiver | channels.Writer | channels.Reader]
] = {
    "sender": channels.Sender,
    "receiver": channels.Receiver,
    "writer": channels.Writer,
    "reader": channels.Reader,
}


@dataclass(frozen=True)
class End:
    """An end of a channel: whether its task sleeps for it, or is about to, and what was counted.

    ``bytes`` are those of all messages or values. ``violations`` are broken rules of the other
    end; only ends of rings can tell.
    """

    plan: EndPlan
    asleep: bool
    counters: EndStatus
    bytes: int
    violations: int

    @property
    def sends(self) -> bool:
        """Whether it is the end that sends or writes."""
        return self.plan.role in ("sender", "writer")


def ends_of(guest: Guest, sandbox: SandboxPlan) -> list[End]:
    """The ends in a sandbox, in the order of the plan."""
    return [_end(guest, sandbox, end) for end in sandbox.ends]


def _sum(one: EndStatus, other: EndStatus) -> EndStatus:
    names = inspect.get_annotations(EndStatus)
    return EndStatus(**{name: getattr(one, name) + getattr(other, name) & _WORD for name in names})


def _end(guest: Guest, sandbox: SandboxPlan, plan: EndPlan) -> End:
    objects = _PROCESS_OBJECTS if plan.wait else _OBJECTS
    found = guest.of(sandbox, objects[plan.role], plan.object)
    counters = found.wait.counters
    asleep = found.wait.state == WaitState.ASLEEP
    if plan.wait:  # a part of the counters is its kernel's
        kept = guest.of(sandbox, Wait, plan.wait)
        counters = _sum(counters, kept.counters)
        asleep = kept.state == WaitState.ASLEEP
    bytes = max(0, int(counters.bytes) - ring.HEADER * int(counters.messages))
    violations = 0
    match found:
        case Sender() | channels.Sender():
            violations = int(found.producer.violations)
        case Receiver() | channels.Receiver():
            violations = int(found.consumer.violations)
        case Writer() | channels.Writer():
            bytes = int(counters.messages) * int(found.writer.size)
        case Reader() | channels.Reader():
            bytes = int(counters.messages) * int(found.reader.size)
    return End(plan, asleep, counters, bytes, violations)
