"""From a description to what is analysed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from questv.admission.model import Guest, Section, VcpuKind
from questv.admission.response import lateness
from questv.system.description import load, read_draft
from questv.system.promises import promises
from questv.system.workload import COSTS, DEVICE_INTERVAL, workload

from .fakes import ParsedTasks

DESCRIPTION = """
version = 1
name = "promises"

[[sandbox]]
name = "left"
memory = "2 MiB"
apic = "direct"

  [[sandbox.vcpu]]
  name = "both"
  kind = "main"
  period = "4 ms"
  budget = "1 ms"
  level = 1
  overrun_budget = "1.5 ms"

  [[sandbox.vcpu]]
  name = "half"
  kind = "io"
  utilization = 0.125

  [[sandbox.task]]
  name = "low"
  run = "tasks:guarded"
  vcpu = "both"
  priority = 1

  [[sandbox.task]]
  name = "high"
  run = "tasks:polled"
  vcpu = "both"
  priority = 2
  period = "8 ms"

  [[sandbox.task]]
  name = "own"
  run = "tasks:own"
  deadline = "900 us"
  level = 2
  overrun_budget = "300 us"

  [[sandbox.task]]
  name = "rest"
  run = "tasks:guarded"
  priority = 7

  [[sandbox.mutex]]
  name = "lock"
  hold = "7 us"

[[sandbox]]
name = "right"
memory = "2 MiB"

  [[sandbox.task]]
  name = "read"
  run = "tasks:reads"
  period = "1 ms"
  budget = "50 us"

[[channel]]
name = "pose"
kind = "four-slot"
from = "left"
to = "right"
message = 8

[[device]]
name = "com1"
kind = "uart"
owner = "left"
vcpu = "half"

[[chain]]
name = "way"
tasks = ["left.own", "right.read"]
latency = "3 ms"
"""

TASKS = """
def guarded(lock: Mutex) -> None: ...

@periodic
def polled() -> None: ...

@periodic(period=1_000_000, budget=100_000)
def own(com1: Stream, pose: Writer[Pose]) -> None: ...

def reads(pose: Reader[Pose]) -> None: ...
"""


def write(folder: Path) -> Path:
    (folder / "tasks.py").write_text(TASKS)
    (folder / "system.toml").write_text(DESCRIPTION)
    return folder


def test_vcpus_are_those_of_the_description(tmp_path: Path) -> None:
    left, right = workload(read_draft(write(tmp_path), ParsedTasks(tmp_path))).kernels
    kinds = {vcpu.name: vcpu.kind for vcpu in left.vcpus}
    assert kinds == {
        "both": VcpuKind.MAIN,
        "own": VcpuKind.MAIN,
        "half": VcpuKind.IO,
        "best-effort": VcpuKind.BEST_EFFORT,
    }
    both, own, half = (left.vcpu(name) for name in ("both", "own", "half"))
    assert (both.budget, both.overrun_budget, both.period) == (10**6, 1_500_000, 4 * 10**6)
    assert (own.budget, own.overrun_budget, own.level) == (100_000, 300_000, 2)
    assert (half.utilization, half.serves, half.level) == (Fraction(1, 8), ("own",), 2)
    assert left.modes == (0, 1, 2)
    assert (left.is_guarded, right.is_guarded) == (False, True)


def test_tasks_have_what_is_said_or_what_follows_from_it(tmp_path: Path) -> None:
    left, right = workload(read_draft(write(tmp_path), ParsedTasks(tmp_path))).kernels
    assert [task.name for task in left.urgency] == ["own", "high", "low", "rest"]
    own, high, low = (left.task(name) for name in ("own", "high", "low"))
    late = lateness(left, COSTS)
    assert (own.need, own.overrun_need) == (100_000 - late, 300_000 - late)
    assert (own.period, own.deadline, own.is_woken) == (10**6, 900_000, False)
    assert (high.need, high.period, high.deadline) == (None, 8 * 10**6, 4 * 10**6)
    assert (low.period, low.deadline, low.is_woken) == (4 * 10**6, 4 * 10**6, True)
    assert low.sections == left.task("rest").sections == (Section("lock", 7_000),)
    assert left.task("rest").deadline == 0
    assert right.task("read").is_woken


def test_interrupts_come_from_devices_and_from_ends_of_channels(tmp_path: Path) -> None:
    left, right = workload(read_draft(write(tmp_path), ParsedTasks(tmp_path))).kernels
    [device] = left.interrupts
    assert (device.name, device.interval, device.cost) == ("com1", DEVICE_INTERVAL, COSTS.device)
    assert [(each.name, each.interval) for each in left.doorbells] == [("pose of own", 10**6)]
    assert [(each.name, each.interval) for each in right.doorbells] == [("pose of read", 10**6)]
    assert not right.interrupts


def test_what_is_promised_keeps_the_demands(tmp_path: Path) -> None:
    analysis = promises(load(write(tmp_path), ParsedTasks(tmp_path)))
    assert all(each.fits for kernel in analysis.kernels for each in kernel.responses)
    [chain] = analysis.chains
    assert chain.fits
    assert analysis.costs is COSTS


MOVING = """
version = 1
name = "moving"

[[sandbox]]
name = "home"
memory = "2 MiB"

  [sandbox.migration]
  period = "1 ms"
  budget = "100 us"

  [[sandbox.task]]
  name = "roam"
  run = "tasks:roam"
  isolation = "process"
  migrates_to = ["away"]

[[sandbox]]
name = "away"
memory = "2 MiB"

  [sandbox.migration]
  period = "2 ms"
  budget = "100 us"
"""


def test_what_moves_is_in_each_kernel_with_its_doorbells(tmp_path: Path) -> None:
    """One for what is offered there, and one for what is answered, once in a period of each."""
    write(tmp_path)
    (tmp_path / "tasks.py").write_text(
        "@periodic(period=8_000_000, budget=500_000)\ndef roam() -> None: ...\n"
    )
    (tmp_path / "system.toml").write_text(MOVING)
    kernels = workload(read_draft(tmp_path, ParsedTasks(tmp_path))).kernels
    periods = {"home": 10**6, "away": 2 * 10**6}
    for kernel, name in zip(kernels, ("roam", "home.roam"), strict=True):
        interval = periods[kernel.name]
        assert kernel.guests == (Guest(name, "[migration]", interval),)
        assert [each.interval for each in kernel.doorbells] == [interval, interval]
        assert kernel.task(name).period == 8 * 10**6


WATCHING = """
version = 1
name = "watching"

[[sandbox]]
name = "one"
memory = "1 MiB"
[sandbox.recovery]
on_fault = "fail-over"
to = "two"
[sandbox.heartbeat]
period = "1 ms"
checks = "64 B"
[[sandbox.task]]
name = "work"
run = "tasks:work"

[[sandbox]]
name = "two"
memory = "1 MiB"
[sandbox.heartbeat]
period = "1 ms"
watches = ["one"]
[[sandbox.task]]
name = "spare"
run = "tasks:work"
stands_in_for = "one.work"
"""


def test_heartbeats_suspicions_and_takeovers_interrupt(tmp_path: Path) -> None:
    """One gives signs and checks memory, and may be suspected; two looks, and is told once."""
    (tmp_path / "tasks.py").write_text(
        "@periodic(period=8_000_000, budget=500_000)\ndef work() -> None: ...\n"
    )
    (tmp_path / "system.toml").write_text(WATCHING)
    one, two = workload(read_draft(tmp_path, ParsedTasks(tmp_path))).kernels
    beat, suspicion = one.interrupts
    assert (beat.interval, beat.cost) == (10**6, COSTS.timer + 8 * COSTS.check)
    assert (suspicion.interval, suspicion.cost) == (3 * 10**6, COSTS.exit)
    [beat] = two.interrupts
    assert (beat.interval, beat.cost) == (10**6, COSTS.timer + COSTS.look + COSTS.exit)
    assert not one.doorbells
    assert [each.name for each in two.doorbells] == ["takeover"]
