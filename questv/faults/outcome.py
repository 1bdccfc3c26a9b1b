"""What has come of a fault: compared with a run without one, and told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from questv.faults.observation import Observation, Sandbox
from questv.inspect.words import words
from questv.monitor.interface import SandboxState
from questv.plan.model import Plan


class Outcome(StrEnum):
    """What a fault in one sandbox can come to; docs/faults.md has it in full."""

    NO_EFFECT = "no effect"
    """All outputs are what they are without the fault."""
    LATE = "late"
    """All outputs are right, but some came at other times."""
    RECOVERED = "detected and recovered"
    """Somebody noticed, and all outputs are right all the same; or the kernel was restarted, and
    all have come to the ends that they come to."""
    STOPPED = "detected and stopped"
    """Somebody noticed, and the sandbox, a process of it or what it sent was stopped."""
    HANG = "hang"
    """It, or somebody who waits for it, does not come to the end, and nobody noticed."""
    SILENT = "silent corruption"
    """Its outputs, or those of its peers that follow from them, are wrong, and nobody noticed."""
    ESCAPE = "escape"
    """Something has changed that is not the sandbox's to change."""
    NEVER = "never came"
    """The run was over before the moment of the fault."""


@dataclass(frozen=True)
class Verdict:
    """An outcome, why it is that, and when the fault was noticed by the machine's counter."""

    outcome: Outcome
    reasons: tuple[str, ...]
    noticed: int | None = None


_STOPPED = (SandboxState.CRASHED, SandboxState.MONITOR_FAULT)


def judge(
    plan: Plan, suspect: str, normal: Observation, found: Observation, at: int = 0, put: bytes = b""
) -> Verdict:
    """What a fault in ``suspect`` has come to; ``normal`` is the run without one.

    The fault itself has put some bytes ``at`` a physical address.
    """
    escapes = (
        *normal.walls.changes(found.walls, put, at),
        *_escapes(plan, suspect, normal, found),
    )
    if escapes:
        return Verdict(Outcome.ESCAPE, escapes)
    differences = tuple(_differences(normal, found))
    notices = tuple(_notices(suspect, normal, found))
    if notices:
        times = [time for _, time in notices if time]
        is_back = not differences or _is_back(suspect, normal, found)
        outcome = Outcome.RECOVERED if is_back else Outcome.STOPPED
        words = tuple(word for word, _ in notices)
        return Verdict(outcome, words, min(times, default=None))
    hung = tuple(_hung(plan, normal, found))
    if hung:
        return Verdict(Outcome.HANG, hung)
    if differences:
        return Verdict(Outcome.SILENT, differences)
    late = [
        name
        for name, sandbox in found.sandboxes.items()
        if sandbox.output != normal.sandboxes[name].output
    ]
    if late:
        return Verdict(Outcome.LATE, tuple(f"{name} took another time" for name in late))
    return Verdict(Outcome.NO_EFFECT, ())


# ---- escapes -------------------------------------------------------------------------------------


def _escapes(plan: Plan, suspect: str, normal: Observation, found: Observation) -> Iterator[str]:
    if found.end is not None:
        yield f"the machine ended otherwise: {found.end}"
    if found.sandboxes[suspect].state == SandboxState.MONITOR_FAULT:
        yield f"the monitor of {suspect} stopped itself"
    near = connected(plan, suspect)
    for name, sandbox in found.sandboxes.items():
        if name != suspect:
            yield from _harm(name, normal.sandboxes[name], sandbox)
            if name not in near and _had_time(plan, name, found):
                yield from _hindrance(name, normal.sandboxes[name], sandbox)


def _had_time(plan: Plan, name: str, found: Observation) -> bool:
    """Whether the run has waited for a sandbox's end, or would have had the time for it."""
    return not found.stuck and (found.late or name in plan.until)


def _harm(name: str, normal: Sandbox, found: Sandbox) -> Iterator[str]:
    """What was done to another sandbox."""
    if found.crash != normal.crash:
        yield f"{name} was stopped: {words(found.crash)}"
    for process in found.ended.keys() - normal.ended.keys():
        yield f"process {process} of {name} was ended"
    for reason, count in found.exits.items():
        if count != normal.exits[reason]:
            yield f"{name} was left {count} times for {reason}, not {normal.exits[reason]} times"
    if found.spurious > normal.spurious:
        yield f"{name} took {found.spurious} interrupts that nobody had sent"


def _hindrance(name: str, normal: Sandbox, found: Sandbox) -> Iterator[str]:
    """What a sandbox that has nothing to do with the suspect does not do, or does otherwise."""
    if found.state != normal.state:
        yield f"{name}, which has nothing to do with it, is {words(found.state)}"
    # What has no end of its own is cut off wherever it is, sooner or later by the shared clock.
    if normal.state == SandboxState.FINISHED:
        for difference in _output_differences(name, normal, found):
            yield f"{difference}, and {name} has nothing to do with it"


def connected(plan: Plan, suspect: str) -> set[str]:
    """Those that a sandbox has channels with, and those that these have, and so on."""
    found = {suspect}
    while True:
        ends = [{channel.sender, channel.receiver} for channel in plan.channels]
        more = set().union(*(pair for pair in ends if pair & found)) - found
        if not more:
            return found - {suspect}
        found |= more


# ---- what was noticed, and what was not ----------------------------------------------------------


def _notices(
    suspect: str, normal: Observation, found: Observation
) -> Iterator[tuple[str, int | None]]:
    """Who noticed something, and when if that is known."""
    sandbox = found.sandboxes[suspect]
    if sandbox.crash != normal.sandboxes[suspect].crash:
        again = f", restarted {sandbox.restarts} times" if sandbox.restarts else ""
        yield f"stopped by its monitor: {words(sandbox.crash)}{again}", sandbox.time
    for process, time in sandbox.ended.items():
        if process not in normal.sandboxes[suspect].ended:
            yield f"process {process} was ended by its kernel", time
    for (name, channel), count in found.violations.items():
        if name != suspect and count > normal.violations[name, channel]:
            yield f"{name} saw broken rules on channel {channel}", None


def _is_back(suspect: str, normal: Observation, found: Observation) -> bool:
    """Whether the sandbox was restarted, and all have come to the ends that they come to."""
    was_restarted = found.sandboxes[suspect].restarts > normal.sandboxes[suspect].restarts
    return was_restarted and all(
        sandbox.state == normal.sandboxes[name].state for name, sandbox in found.sandboxes.items()
    )


def _hung(plan: Plan, normal: Observation, found: Observation) -> Iterator[str]:
    if found.stuck:
        yield "a core executes nothing and does not sleep, so that the one clock stands still"
    for name, sandbox in found.sandboxes.items():
        wanted = normal.sandboxes[name].state
        is_over = sandbox.state == wanted or sandbox.state in _STOPPED
        if not is_over and _had_time(plan, name, found):
            yield f"{name} is {words(sandbox.state)}, not {words(wanted)}"


def _differences(normal: Observation, found: Observation) -> Iterator[str]:
    """Which states, and which outputs, differ in more than times."""
    for name, sandbox in found.sandboxes.items():
        wanted = normal.sandboxes[name]
        if sandbox.state != wanted.state:
            yield f"{name} is {words(sandbox.state)}"
        yield from _output_differences(name, wanted, sandbox)


def _output_differences(name: str, normal: Sandbox, found: Sandbox) -> Iterator[str]:
    """Which outputs of a sandbox differ in more than times."""
    if found.output == normal.output:
        return
    mine, right = found.output.without_times, normal.output.without_times
    if (mine.written, mine.lines) != (right.written, right.lines):
        yield f"the console of {name} differs"
    if (mine.counters, mine.histograms) != (right.counters, right.histograms):
        yield f"what {name} counted differs"
    for one, other in zip(mine.channels, right.channels, strict=True):
        if one != other:
            yield f"{name} counts {one[1]} messages on channel {one[0]}, not {other[1]}"
    if mine.finished != right.finished:
        yield f"other tasks of {name} have returned"
