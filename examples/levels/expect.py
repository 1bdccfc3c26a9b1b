"""What a run should do: looked at on the host, when it has ended."""

from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult


def check(run: RunResult) -> Iterator[Expectation]:
    """The guard needed its second budget, everybody else got on, and all were in time."""
    (press,) = run.report.sandboxes
    (guard,) = [vcpu for vcpu in press.vcpus if vcpu.name == "guard"]
    yield Expectation("second budget", guard.overruns == 3, f"{guard.overruns} times")
    changes = f"mode {press.mode} after {press.mode_changes} changes"
    yield Expectation("normal again", (press.mode, press.mode_changes) == (0, 6), changes)
    calls = [task.releases for task in press.tasks]
    yield Expectation("all calls", calls == [90, 20, 10], ", ".join(map(str, calls)))
    misses = sum(task.misses for task in press.tasks)
    yield Expectation("in time", misses == 0, f"{misses} missed")
