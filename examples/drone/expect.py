"""What a flight should be like: looked at on the host, when it is over."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from math import degrees, dist
from pathlib import Path

from mission import ROUTE
from record import Sample, read_record

from questv.expect import Expectation, RunResult

NEAR = 0.10  # metres from a way point when it is time to leave it
LEAN = 40  # degrees of roll and pitch at most; 20 are for speed, the rest for turning meanwhile


def check(run: RunResult) -> Iterator[Expectation]:
    """The drone goes where it should, and every promise of time is kept."""
    yield from check_flight(read_record(line.text for line in run.console("plant")))
    yield from _check_time(run)


def check_flight(flight: Sequence[Sample]) -> Iterator[Expectation]:
    """It has been at each way point, has not leant far, and stands on the ground in the end."""
    leaves = [begin for begin, _, _ in ROUTE[1:]] + [flight[-1].time]
    for leave, (_, place, _) in zip(leaves, ROUTE, strict=True):
        there = max((sample for sample in flight if sample.time <= leave), key=lambda s: s.time)
        off = dist(there.position, place)
        yield Expectation(f"at {place}", off <= NEAR, f"{off * 100:.1f} cm off at {leave} s")
    lean = max(degrees(abs(angle)) for sample in flight for angle in sample.angles[:2])
    yield Expectation("upright", lean <= LEAN, f"it leant {lean:.0f} degrees at most")
    last = flight[-1]
    landed = last.position[2] == 0 and max(last.thrust) < 0.01
    yield Expectation("landed", landed, f"at {last.time} s it is {last.position[2]} m high")


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
