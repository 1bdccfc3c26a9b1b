"""What a flight should be like: looked at on the host, when it is over."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from math import degrees, dist, inf
from pathlib import Path

from mission import ROUTE
from record import Sample, read_record

from questv.expect import Expectation, RunResult

SETTLED = 1.8  # seconds after setting out for a way point, from when on ...
CLOSE = 0.20  # ... the drone is so many metres from it at most, whatever the wind does
NEAR = 0.10  # likewise when it is time to leave
LEAN = 40  # degrees of roll and pitch at most; 20 are for speed, the rest for turning meanwhile


def check(run: RunResult) -> Iterator[Expectation]:
    """The drone goes where it should, and every promise of time is kept."""
    yield from check_flight(read_record(line.text for line in run.console("plant")))
    yield from _check_time(run)


def check_flight(flight: Sequence[Sample], *, complete: bool = True) -> Iterator[Expectation]:
    """It is at each way point in time, does not lean far, and stands on the ground in the end.

    Of a flight that is not complete only what it came to is looked at.
    """
    last = flight[-1]
    leaves = [begin for begin, _, _ in ROUTE[1:]] + [last.time if complete else inf]
    for leave, (begin, place, _) in zip(leaves, ROUTE, strict=True):
        if leave <= last.time or complete:
            yield _check_stay(flight, begin + SETTLED, leave, place)
    lean = max(degrees(abs(angle)) for sample in flight for angle in sample.angles[:2])
    yield Expectation("upright", lean <= LEAN, f"it leant {lean:.0f} degrees at most")
    if complete:
        landed = last.position[2] == 0 and max(last.thrust) < 0.01
        yield Expectation("landed", landed, f"at {last.time} s it is {last.position[2]} m high")


def _check_stay(
    flight: Sequence[Sample], begin: float, end: float, place: Sequence[float]
) -> Expectation:
    off = [dist(sample.position, place) for sample in flight if begin <= sample.time <= end]
    if not off:
        return Expectation(f"at {place}", False, "the flight did not come to that")
    most, last = max(off), off[-1]
    detail = f"{most * 100:.0f} cm off at most, and {last * 100:.0f} in the end, at {end} s"
    return Expectation(f"at {place}", most <= CLOSE and last <= NEAR, detail)


def _check_time(run: RunResult) -> Iterator[Expectation]:
    sandboxes = {sandbox.name: sandbox for sandbox in run.report.sandboxes}
    for name in ("sensors", "flight", "plant"):
        tasks = sandboxes[name].tasks
        late = sum(task.misses + task.dropped for task in tasks)
        calls = sum(task.releases for task in tasks)
        yield Expectation(f"{name} in time", late == 0 and calls > 0, f"{late} of {calls} late")
    lost = sum(each.total for each in sandboxes["sensors"].counters)
    yield Expectation("no frame lost", lost == 0, f"{lost} lost")
    reaction = sandboxes["plant"].histograms[0]
    most, allowed = reaction.most or 0, _latency("gyro-to-motors")
    yield Expectation(
        "reaction",
        reaction.count > 0 and most <= allowed,
        f"{most / 1e6:.2f} ms from a sample to the motors at most, {allowed / 1e6:.0f} ms allowed",
    )


def _latency(chain: str) -> int:
    """What the description promises, in nanoseconds."""
    text = Path(__file__).with_name("system.toml").read_text()
    (found,) = (each for each in tomllib.loads(text)["chain"] if each["name"] == chain)
    number, unit = found["latency"].split()
    return int(number) * {"us": 1_000, "ms": 1_000_000}[unit]
