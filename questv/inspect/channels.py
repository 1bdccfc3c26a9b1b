"""The channels, as the kernels at both ends count."""

from __future__ import annotations

from questv.inspect.ends import End, ends_of
from questv.inspect.guest import Guest
from questv.inspect.model import ChannelReport, EndReport
from questv.plan.model import ChannelPlan, SandboxPlan


def channel_reports(guest: Guest) -> tuple[ChannelReport, ...]:
    """Every channel, in the order of the plan."""
    reports = {
        (end.plan.channel, end.sends): _report(sandbox, end)
        for sandbox in guest.plan.sandboxes
        for end in ends_of(guest, sandbox)
    }
    return tuple(_channel(channel, reports) for channel in guest.plan.channels)


def _channel(channel: ChannelPlan, reports: dict[tuple[str, bool], EndReport]) -> ChannelReport:
    return ChannelReport(
        name=channel.name,
        kind=channel.kind,
        sender=reports[channel.name, True],
        receiver=reports[channel.name, False],
    )


def _report(sandbox: SandboxPlan, end: End) -> EndReport:
    counters = end.counters
    return EndReport(
        sandbox=sandbox.name,
        task=sandbox.tasks[end.plan.task].name,
        messages=int(counters.messages),
        bytes=end.bytes,
        waits=int(counters.waits),
        rung=int(counters.rung),
        woken=int(counters.woken),
        late=int(counters.late),
        resets=int(counters.resets),
        violations=end.violations,
    )
