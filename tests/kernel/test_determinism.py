"""Two deterministic runs of one image leave the same memory behind, to the last byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from questv.machine import MachineKind
from questv.plan.build import build
from tests.monitor.test_exits import CPUS
from tests.running import (
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

TASKS = """
@task
def send(numbers: Sender, count: u64, pause: u64) -> None:
    for i in range(count):
        room = numbers.reserve(i % 100 + 8, FOREVER)
        Ptr[u64](room)[0] = now()
        numbers.commit()
        if i % 8 == 0:
            sleep_until(now() + pause)

@task
def receive(numbers: Receiver, count: u64) -> None:
    for i in range(count):
        message = numbers.receive(FOREVER)
        sent = Ptr[Shared[u64]](message)[0].load(RELAXED)
        log(f"message {i}, {numbers.length()} bytes, after {now() - sent} ns")
        numbers.done()
"""
COUNT = 100


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
def test_two_runs(tmp_path: Path, kind: MachineKind, cpu: str) -> None:
    text = system_text(
        sandbox_text("one", task_text("send", count=COUNT, pause=50_000)),
        sandbox_text("two", task_text("receive", count=COUNT)),
        ring_text("numbers", "one", "two"),
    )
    system = build(write_system(tmp_path, text, TASKS))
    hashes = set()
    for _ in range(2):
        run = run_system(system, tmp_path, deterministic=True, kind=kind, cpu=cpu)
        assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
        assert len(run["two"].lines) == 64 and run["two"].lines[-1].startswith("message 99, 107 ")
        hash = hashlib.sha256()
        for region in system.plan.regions:
            memory = run.memory(region.start, region.size)
            assert len(memory) == region.size
            hash.update(memory)
        hashes.add(hash.hexdigest())
    assert len(hashes) == 1
