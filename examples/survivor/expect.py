"""What has to be true of a run, whatever fails in it: looked at on the host, when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from comms import WAYS
from voter import FACTOR, VOTES

from questv.expect import Expectation, RunResult
from questv.inspect.model import CrashReport, SandboxReport

U64 = (1 << 64) - 1
HEALTHY = ("control", "ground", "one", "three", "voter")


def check(run: RunResult) -> Iterator[Expectation]:
    """Nobody but who failed was hurt, all was repaired, and the answers were right throughout."""
    sandboxes = {sandbox.name: sandbox for sandbox in run.report.sandboxes}
    is_exact = run.report.machine.asked.deterministic
    yield from _check_control(run, sandboxes["control"], is_exact)
    yield from _check_comms(run, sandboxes, is_exact)
    yield from _check_votes(run, sandboxes, is_exact)
    hurt = [name for name in HEALTHY if sandboxes[name].crashes]
    yield Expectation("others unhurt", not hurt, ", ".join(hurt) or "no fault but those intended")


def _check_control(run: RunResult, control: SandboxReport, is_exact: bool) -> Iterator[Expectation]:
    (task,) = control.tasks
    late = task.misses + task.dropped
    detail = f"{late} of {task.releases} deadlines missed"
    if not is_exact:
        detail += "; time was the host's"
    yield Expectation("control in time", late == 0 or not is_exact, detail)
    (most,) = re.findall(r"(\d+) at most", _lines(run, "control")[-1]) or ["1500"]
    yield Expectation("upright", int(most) < 200, f"the pendulum leant {most} mrad at most")


def _check_comms(
    run: RunResult, sandboxes: dict[str, SandboxReport], is_exact: bool
) -> Iterator[Expectation]:
    comms, ground = sandboxes["comms"], sandboxes["ground"]
    times = [_repair_time(crash) for crash in comms.crashes]
    repaired = comms.crash is None and all(time is not None for time in times)
    # A host that lets a core wait for long makes it look like another hang.
    enough = comms.incarnation == WAYS or (comms.incarnation > WAYS and not is_exact)
    detail = f"{comms.incarnation} restarts"
    if repaired and times:
        detail += f"; the last {len(times)} took {_most_us(times)} us at most"
    yield Expectation("comms repaired", repaired and enough, detail)
    lives = [
        re.fullmatch(r"life (\d+), after (\d+) messages", line) for line in _lines(run, "comms")
    ]
    past = [(int(life[1]), int(life[2])) for life in lives if life]
    grows = all(
        earlier < later and before <= after for (earlier, before), (later, after) in pairwise(past)
    )
    all_known = len(past) == comms.incarnation + 1 or not is_exact
    yield Expectation("lives remembered", bool(past) and grows and all_known, f"{len(past)} lives")
    (said,) = re.findall(r"^(\d+) messages were sent", "\n".join(_lines(run, "ground"))) or [0]
    backwards = sum(each.total for each in ground.counters)
    (silence,) = ground.histograms
    detail = f"{said} messages, none for {(silence.most or 0) / 1e6:.0f} ms at most"
    received = int(said) > past[-1][1] and backwards == 0 if past else False
    yield Expectation("telemetry goes on", received, detail)


def _check_votes(
    run: RunResult, sandboxes: dict[str, SandboxReport], is_exact: bool
) -> Iterator[Expectation]:
    two = sandboxes["two"]
    lines = _lines(run, "voter")
    position, digest = true_votes()
    wanted = f"{VOTES} votes, position {position}, digest {digest:016x}"
    yield Expectation("votes right", wanted in lines, wanted)
    counts = {each.name: each.total for each in sandboxes["voter"].counters}
    decided = counts["voter.undecided"] == 0 or not is_exact
    detail = f"{counts['voter.unanimous']} by three, {counts['voter.by_two']} by two"
    yield Expectation("votes decided", decided, detail)
    odd = [line for line in lines if "is the odd one out" in line]
    back = [line for line in lines if line.startswith("two is back")]
    found = len(odd) == 1 and odd[0].startswith("two ")
    yield Expectation("the odd one found", found, "; ".join(odd))
    times = [_repair_time(crash) for crash in two.crashes]
    repaired = two.incarnation == 1 and len(times) == 1 and times[0] is not None
    detail = f"{back[-1]}; restarted in {_most_us(times)} us" if repaired and back else ""
    yield Expectation("and back", repaired and bool(back), detail)


def true_votes() -> tuple[int, int]:
    """What the voter has to come to: the last position, and the digest of all."""
    position = digest = 0
    for number in range(1, VOTES + 1):
        position += number * number % 2001 - 1000
        digest = (digest ^ position & U64) * FACTOR & U64
    return position, digest


def _repair_time(crash: CrashReport) -> int | None:
    """Nanoseconds from a fault to the next kernel's start; None if there was no such."""
    if crash.action != "restart" or crash.time is None or crash.started is None:
        return None
    return crash.started - crash.time


def _most_us(times: list[int | None]) -> int:
    return max(time or 0 for time in times) // 1000


def _lines(run: RunResult, sandbox: str) -> list[str]:
    return [line.text for line in run.console(sandbox)]
