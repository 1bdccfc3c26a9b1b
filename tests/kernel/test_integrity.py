"""Memory that never changes, and has: found while the kernel runs, whatever it does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from benchmarks.machines import ended
from questv.admission.costs import MEASURED
from questv.counter import InstructionCounter
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.metal.structs import sizeof
from questv.monitor.interface import Action, CrashReason, PublicPage, SandboxState
from questv.plan.build import BuiltSystem, build
from tests.running import Run, boot, sandbox_text, system_text, task_text, write_system

TASKS = """
@task
def idles() -> None:
    while True:
        sleep_until(now() + 1_000_000)

@task
def last() -> None:
    sleep_until(now() + 400_000_000)
"""
CHECKS = '[sandbox.heartbeat]\nperiod = "100 us"\nchecks = "4 KiB"\n'
RESTART = '[sandbox.recovery]\non_fault = "restart"\nlimit = 2\nback_off = "1 us"\n'
TEXT = system_text(
    sandbox_text("victim", RESTART, CHECKS, task_text("idles")),
    sandbox_text("other", task_text("last")),
    run='until = ["other"]',
)


def test_what_does_not_change_is_never_complained_of(tmp_path: Path) -> None:
    """Round after round, in 4,000 periods."""
    run: Run = boot(tmp_path, TEXT, TASKS, deterministic=True)
    assert run["victim"].crashes == [] and run["other"].state == SandboxState.FINISHED


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    return build(write_system(tmp_path_factory.mktemp("integrity"), TEXT, TASKS))


@pytest.mark.parametrize("part", ["text", "rodata", "info"])
def test_a_flipped_bit_is_found(system: BuiltSystem, tmp_path: Path, part: str) -> None:
    """No restart mends the program; so after some the kernel is stopped."""
    victim = system.plan.sandbox("victim")
    [window] = [window for window in victim.kernel_windows if window.name == part]
    image = tmp_path / "image.elf"
    image.write_bytes(system.image)
    options = MachineOptions(
        image=image,
        memory=memory_size(MachineKind.MICROVM, system.plan.memory, system.plan.end),
        cores=system.plan.cores,
    )
    with Machine(options) as machine:

        def page() -> PublicPage:
            return PublicPage.view(machine.memory.read(victim.public, sizeof(PublicPage)))

        while page().state.load(None) != SandboxState.STARTED:  # type: ignore[arg-type]
            pass
        threading.Event().wait(0.05)  # for the first round, which takes 2 ms
        last = window.physical + window.size - 8
        machine.memory.write(last, (1 << 17).to_bytes(8, "little"))
        machine.wait(30)
        ended = page()
    first = ended.crashes[0]
    assert first.reason == CrashReason.KERNEL_PANIC and first.action == Action.RESTART
    said = bytes(first.panic.text).rstrip(b"\0").decode()
    assert said == "memory that never changes has changed"
    # What the next incarnation is told is all that it knows of that.
    state = ended.state.load(None)  # type: ignore[arg-type]
    assert (state == SandboxState.CRASHED) == (part != "info")


def test_a_check_costs_no_more_than_admission_counts(tmp_path: Path) -> None:
    """Of eight bytes, from kernels that check them and much more in each of 400 periods."""
    counts = []
    for size in (8, 4096):
        text = TEXT.replace('checks = "4 KiB"', f"checks = {size}")
        (tmp_path / str(size)).mkdir()
        tasks = TASKS.replace("400_000_000", "40_000_000")
        made = build(write_system(tmp_path / str(size), text, tasks))
        with InstructionCounter() as counter:
            with ended(made, "", counter.arguments):
                pass
            counts.append(counter.instructions(made.plan.sandbox("victim").core))
    each = (counts[1] - counts[0]) / 400 / (4096 // 8 - 1)
    assert 4 < each <= MEASURED.check
