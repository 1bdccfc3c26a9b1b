"""The largest systems that can be described can be built."""

from __future__ import annotations

from pathlib import Path

from questv.arch.x86.machine import MAX_CORES
from questv.kernel.info import MAX_ENDS, MAX_INPUTS, MAX_MUTEXES, MAX_TASKS, MAX_VCPUS
from questv.monitor.plan import MAX_RESTARTS
from questv.plan import addresses
from questv.plan.build import build
from questv.plan.processes import base_of
from questv.system.rules.channels import CHANNELS_MAXIMUM
from questv.system.rules.cores import CORES
from questv.system.rules.memory import INPUTS_MAXIMUM
from questv.system.rules.mutexes import MUTEXES_MAXIMUM
from questv.system.rules.recovery import RESTARTS_MAXIMUM
from questv.system.rules.tasks import TASKS_MAXIMUM
from tests.running import (
    ring_text,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

TASKS = """
@task
def look(file: Input) -> None:
    log(f"{file.length}")

@task
def fan(a: Sender, b: Sender) -> None:
    a.reserve(8, FOREVER)
    a.commit()

@task
def idle() -> None:
    pass

@task
def join(a: Receiver, b: Receiver) -> None:
    a.receive(FOREVER)
    a.done()
"""


def test_the_rules_have_the_kernels_limits() -> None:
    assert CORES == MAX_CORES
    assert (TASKS_MAXIMUM, INPUTS_MAXIMUM) == (MAX_TASKS, MAX_INPUTS)
    assert base_of(addresses.MAX_PROCESSES) == 1 << 47  # where the other half begins
    assert MAX_VCPUS == MAX_TASKS  # each has one at least
    assert MUTEXES_MAXIMUM == MAX_MUTEXES
    assert RESTARTS_MAXIMUM == MAX_RESTARTS
    assert CHANNELS_MAXIMUM == MAX_ENDS  # a sandbox has one end of each


def test_a_kernel_with_all_tasks_and_channels(tmp_path: Path) -> None:
    with_ends = MAX_ENDS // 2
    one, other = (
        sandbox_text(
            name,
            *(
                task_text(function, i, name=f"t{i}", a=f"r{2 * i}", b=f"r{2 * i + 1}")
                for i in range(with_ends)
            ),
            *(
                timed_text("idle", "1 s", "1 ms", name=f"t{i}")
                for i in range(with_ends, MAX_TASKS - 1)
            ),
            task_text("idle", 255),
            memory="2 MiB",
        )
        for name, function in (("one", "fan"), ("other", "join"))
    )
    rings = [ring_text(f"r{i}", "one", "other") for i in range(MAX_ENDS)]
    plan = build(write_system(tmp_path, system_text(one, other, *rings), TASKS)).plan
    assert len(plan.sandbox("one").ends) == len(plan.sandbox("other").ends) == MAX_ENDS
    assert len(plan.sandbox("one").tasks) == MAX_TASKS
    assert len(plan.sandbox("one").vcpus) == MAX_TASKS - with_ends


def test_a_sandbox_on_every_core(tmp_path: Path) -> None:
    """Each with so many inputs that no image has more parts."""
    inputs = range(MAX_INPUTS)
    sandboxes = [
        sandbox_text(
            f"s{core}",
            *(task_text("look", i, name=f"t{i}", file=f"i{core}-{i}") for i in inputs),
            *(f'[[sandbox.input]]\nname = "i{core}-{i}"\nsize = "4 KiB"' for i in inputs),
            memory="768 KiB",
        )
        for core in range(MAX_CORES)
    ]
    plan = build(
        write_system(tmp_path, system_text(*sandboxes, machine='memory = "3 GiB"\n'), TASKS)
    ).plan
    assert plan.cores == MAX_CORES
