"""The channels, as the kernels at both ends count."""

from __future__ import annotations

from questv.inspect.guest import Guest
from questv.inspect.model import ChannelReport, EndReport
from questv.kernel.status import KernelStatus
from questv.plan.model import ChannelPlan

_SENDING = ("sender", "writer")


def channel_report(guest: Guest, channel: ChannelPlan) -> ChannelReport:
    """One channel."""
    return ChannelReport(
        name=channel.name,
        kind=channel.kind,
        sender=_end(guest, channel, channel.sender, sends=True),
        receiver=_end(guest, channel, channel.receiver, sends=False),
    )


def _end(guest: Guest, channel: ChannelPlan, name: str, *, sends: bool) -> EndReport:
    sandbox = guest.plan.sandbox(name)
    index, end = next(
        (index, end)
        for index, end in enumerate(sandbox.ends)
        if end.channel == channel.name and (end.role in _SENDING) == sends
    )
    status = guest.of(sandbox, KernelStatus, sandbox.status).ends[index]
    return EndReport(
        sandbox=name,
        task=sandbox.tasks[end.task].name,
        messages=int(status.messages),
        bytes=int(status.bytes),
        waits=int(status.waits),
        rung=int(status.rung),
        woken=int(status.woken),
        late=int(status.late),
        violations=int(status.violations),
    )
