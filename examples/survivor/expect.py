"""What has to be true of a run, whatever fails in it: looked at on the host, when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from comms import WAYS
from voter import FACTOR, VOTES

from questv.expect import Expectation, RunResult
from questv.inspect.model import CrashReport, SandboxReport

LEAN = 200  # thousandths of a radian that the pendulum may lean
REPAIR_TIME = 1_000_000  # nanoseconds from a fault's being found until the next kernel runs
U64 = (1 << 64) - 1


def check(run: RunResult) -> Iterator[Expectation]:
    """Nobody but who failed was hurt, all was repaired, and the answers were right throughout."""
    yield from _check_control(run)
    yield from _check_comms(run)
    yield from _check_votes(run)
    intact = ("control", "ground", "one", "three", "voter")
    hurt = [name for name in intact if _sandbox(run, name).crashes]
    yield Expectation("others unhurt", not hurt, ", ".join(hurt) or "no fault but those intended")


def _check_control(run: RunResult) -> Iterator[Expectation]:
    (task,) = _sandbox(run, "control").tasks
    late = task.misses + task.dropped
    detail = f"{late} of {task.releases} deadlines missed"
    if not _is_exact(run):
        detail += "; time was the host's"
    in_time = late == 0 or not _is_exact(run)
    yield Expectation("control in time", in_time and task.releases > 0, detail)
    leant = [int(most) for (most,) in _said(run, "control", r"call .*, (\d+) at most")]
    upright = bool(leant) and max(leant) < LEAN
    detail = f"the pendulum leant {max(leant, default=0)} mrad at most"
    yield Expectation("upright", upright, detail)


def _check_comms(run: RunResult) -> Iterator[Expectation]:
    comms, ground = _sandbox(run, "comms"), _sandbox(run, "ground")
    # A host that lets a core wait for long makes it look like another hang.
    enough = comms.incarnation == WAYS or (comms.incarnation > WAYS and not _is_exact(run))
    repaired = comms.crash is None and _are_repaired(run, comms.crashes)
    detail = f"{comms.incarnation} restarts{_times(comms.crashes)}"
    yield Expectation("comms repaired", enough and repaired, detail)
    lives = [
        (int(life), int(sent))
        for life, sent in _said(run, "comms", r"life (\d+), after (\d+) messages")
    ]
    grows = all(old[0] < new[0] and old[1] <= new[1] for old, new in pairwise(lives))
    all_known = len(lives) == comms.incarnation + 1 or not _is_exact(run)
    yield Expectation("lives remembered", grows and all_known, f"{len(lives)} lives")
    sent = [int(sent) for sent, _ in _said(run, "ground", r"(\d+) messages were sent, in (\d+) .*")]
    goes_on = bool(sent and lives) and sent[-1] > lives[-1][1]
    counts = {each.name: each.total for each in ground.counters}
    # A kernel that is not at its own end can die between sending and remembering that.
    complete = counts["ground.lost"] == 0
    complete &= counts["ground.repeated"] == 0 or not _is_exact(run)
    (silence,) = ground.histograms
    detail = f"{sent[-1]} messages" if sent else "the last message did not come"
    detail += f", {counts['ground.lost']} lost, none for {(silence.most or 0) / 1e6:.0f} ms at most"
    yield Expectation("telemetry goes on", goes_on and complete, detail)


def _check_votes(run: RunResult) -> Iterator[Expectation]:
    two = _sandbox(run, "two")
    position, digest = true_votes()
    results = _said(run, "voter", r"(\d+) votes, position (-?\d+), digest (\w+)")
    right = results == [(str(VOTES), str(position), f"{digest:016x}")]
    detail = f"position {position} at the end" if right else f"{results}, and not {position}"
    yield Expectation("votes right", right, detail)
    counts = {each.name: each.total for each in _sandbox(run, "voter").counters}
    decided = counts["voter.undecided"] == 0 or not _is_exact(run)
    detail = f"{counts['voter.unanimous']} by three, {counts['voter.by_two']} by two"
    yield Expectation("votes decided", decided, detail)
    odd = _said(run, "voter", r"(\w+) is the odd one out, vote (\d+)")
    detail = ", ".join(f"{who} in vote {vote}" for who, vote in odd) or "there was none"
    yield Expectation("the odd one found", [who for who, _ in odd] == ["two"], detail)
    back = [int(vote) for (vote,) in _said(run, "voter", r"two is back, vote (\d+)")]
    is_back = bool(odd and back) and back[-1] > int(odd[-1][1])
    repaired = two.incarnation == 1 and _are_repaired(run, two.crashes)
    detail = f"in vote {back[-1]}{_times(two.crashes)}" if back else "it did not come back"
    yield Expectation("and back", is_back and repaired, detail)


def true_votes() -> tuple[int, int]:
    """What the voter has to come to: the last position, and the digest of all."""
    position = digest = 0
    for number in range(1, VOTES + 1):
        position += number * number % 2001 - 1000
        digest = (digest ^ position & U64) * FACTOR & U64
    return position, digest


def _sandbox(run: RunResult, name: str) -> SandboxReport:
    (found,) = (sandbox for sandbox in run.report.sandboxes if sandbox.name == name)
    return found


def _is_exact(run: RunResult) -> bool:
    """Whether the machine's time was its own, so that a deadline is a deadline."""
    return run.report.machine.asked.deterministic


def _said(run: RunResult, sandbox: str, pattern: str) -> list[tuple[str, ...]]:
    """The groups of ``pattern`` in each line of a sandbox that is like it."""
    found = [re.fullmatch(pattern, line.text) for line in run.console(sandbox)]
    return [match.groups() for match in found if match]


def _repair_time(crash: CrashReport) -> int | None:
    """From a fault until the next kernel ran, in nanoseconds; None if none did."""
    if crash.action != "restart" or crash.time is None or crash.started is None:
        return None
    return crash.started - crash.time


def _are_repaired(run: RunResult, crashes: tuple[CrashReport, ...]) -> bool:
    times = [_repair_time(crash) for crash in crashes]
    return all(time is not None and (time < REPAIR_TIME or not _is_exact(run)) for time in times)


def _times(crashes: tuple[CrashReport, ...]) -> str:
    """How long the last repairs took."""
    times = [time for crash in crashes if (time := _repair_time(crash)) is not None]
    return f", the last {len(times)} in {max(times) // 1000} us at most" if times else ""
