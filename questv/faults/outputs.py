"""What a run has put out: consoles, what tasks counted, what went through channels, who came to
the end.

Two outputs can be alike in all, in all but times, or not. Times are what a line has before a unit
of time, the values in histograms, and how often somebody had to wait.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from questv.inspect.channels import channel_reports
from questv.inspect.console import lines_since
from questv.inspect.guest import Guest
from questv.inspect.meters import counter_reports, histogram_reports
from questv.inspect.model import HistogramReport
from questv.kernel.status import KernelStatus
from questv.plan.model import SandboxPlan

_TIME = re.compile(r"[0-9]+(?:\.[0-9]+)?(?= ?(?:ns|us|ms|s|seconds|nanoseconds)\b)")


@dataclass(frozen=True)
class Output:
    """One sandbox's.

    ``lines`` are those that its console still has, each after its task's name; ``written`` counts
    all. ``channels`` has for each end the messages and bytes that passed it, by its own count, and
    ``finished`` the tasks that have returned.
    """

    written: int
    lines: tuple[tuple[str | None, str], ...]
    counters: tuple[tuple[str, int], ...]
    histograms: tuple[HistogramReport, ...]
    channels: tuple[tuple[str, int, int], ...]
    finished: tuple[str, ...]

    @property
    def without_times(self) -> Output:
        """The same without what only tells how long something took."""
        return replace(
            self,
            lines=tuple((task, _TIME.sub("*", text)) for task, text in self.lines),
            histograms=tuple(
                HistogramReport(name=each.name, sum=0, least=None, most=None, buckets=(each.count,))
                for each in self.histograms
            ),
        )


def outputs(guest: Guest) -> dict[str, Output]:
    """Every sandbox's, by name."""
    passed: dict[str, list[tuple[str, int, int]]] = {each.name: [] for each in guest.plan.sandboxes}
    for channel in channel_reports(guest):
        for end in (channel.sender, channel.receiver):
            passed[end.sandbox].append((channel.name, end.messages, end.bytes))
    return {
        sandbox.name: _output(guest, sandbox, tuple(passed[sandbox.name]))
        for sandbox in guest.plan.sandboxes
    }


def violations(guest: Guest) -> dict[tuple[str, str], int]:
    """How often each sandbox has seen broken rules of a channel's other side."""
    return {
        (end.sandbox, channel.name): end.violations
        for channel in channel_reports(guest)
        for end in (channel.sender, channel.receiver)
    }


def _output(
    guest: Guest, sandbox: SandboxPlan, channels: tuple[tuple[str, int, int], ...]
) -> Output:
    console = lines_since(guest, sandbox, 0)
    return Output(
        written=console.written,
        lines=tuple((line.task, line.text) for line in console.lines),
        counters=tuple((each.name, each.total) for each in counter_reports(guest, sandbox)),
        histograms=histogram_reports(guest, sandbox),
        channels=channels,
        finished=_finished(guest, sandbox),
    )


def _finished(guest: Guest, sandbox: SandboxPlan) -> tuple[str, ...]:
    if sandbox.status is None:
        return ()
    words = guest.of(sandbox, KernelStatus, sandbox.status).finished.words
    return tuple(
        task.name
        for index, task in enumerate(sandbox.tasks)
        if int(words[index // 64]) >> index % 64 & 1
    )
