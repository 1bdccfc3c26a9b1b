"""The ends of channels, as their own kernels keep them: in the objects that tasks are given."""

from __future__ import annotations

from dataclasses import dataclass

from questv.inspect.guest import Guest
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.doorbells import WaitState
from questv.kernel.status import EndStatus
from questv.plan.model import EndPlan, SandboxPlan

_OBJECTS: dict[str, type[Sender | Receiver | Writer | Reader]] = {
    "sender": Sender,
    "receiver": Receiver,
    "writer": Writer,
    "reader": Reader,
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


def _end(guest: Guest, sandbox: SandboxPlan, plan: EndPlan) -> End:
    found = guest.of(sandbox, _OBJECTS[plan.role], plan.object)
    counters = found.wait.counters
    bytes = int(counters.bytes)
    violations = 0
    match found:
        case Sender():
            violations = int(found.producer.violations)
        case Receiver():
            violations = int(found.consumer.violations)
        case Writer():
            bytes = int(counters.messages) * int(found.writer.size)
        case Reader():
            bytes = int(counters.messages) * int(found.reader.size)
    asleep = found.wait.state == WaitState.ASLEEP
    return End(plan, asleep, counters, bytes, violations)
