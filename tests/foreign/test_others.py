"""Kernels that others wrote, as they are, beside one of ours.

Each is skipped where it is not there: ``scripts/setup`` fetches memtest86+; Linux is any package
such as Debian's linux-image-cloud-amd64, found in /boot or named by $QUESTV_LINUX.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.inspect.inspector import Inspector
from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.monitor.interface import SandboxState
from questv.plan.build import build
from tests.inspect.machines import programs
from tests.running import foreign_text, sandbox_text, system_text, task_text, write_system

ROOT = Path(__file__).parents[2]
MEMTEST = ROOT / ".venv" / "kernels" / "boot" / "memtest86+x64.bin"
TEXT_SCREEN = 0xB8000

TASKS = """
@task
def tick() -> None:
    for number in range(u64(100_000_000)):
        log(f"{number}")
        sleep_until(now() + 1_000_000)
"""


@contextmanager
def beside_ours(
    folder: Path, kernel: Path, command_line: str, memory: str, end: Callable[[str], bool]
) -> Iterator[tuple[Inspector, Machine]]:
    """Run ``kernel`` until what it says on its serial port is enough; both still run then."""
    shutil.copy(kernel, folder / "kernel")
    text = system_text(
        foreign_text("guest", "kernel", f'command_line = "{command_line}"', memory=memory),
        sandbox_text("ours", task_text("tick")),
        '[[device]]\nname = "com1"\nkind = "uart"\nowner = "guest"\n',
        machine='memory = "224 MiB"',
    )
    made = build(write_system(folder, text, TASKS))
    image = folder / "image.elf"
    image.write_bytes(made.image)
    memory_bytes = memory_size(MachineKind.MICROVM, made.plan.memory, made.plan.end)
    options = MachineOptions(image=image, memory=memory_bytes, cores=2)
    with Machine(options) as machine:
        deadline = time.monotonic() + 120
        while not end(machine.serial_text()):
            assert time.monotonic() < deadline, machine.serial_text()[-2000:]
            time.sleep(0.05)
        yield Inspector(made.plan, programs(made), machine.memory), machine


def assert_ours_goes_on(inspector: Inspector) -> None:
    """The kernel beside it is alive."""
    before = inspector.console("ours").written
    deadline = time.monotonic() + 20
    while inspector.console("ours").written == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert inspector.state("ours") == SandboxState.STARTED


@pytest.mark.skipif(not MEMTEST.exists(), reason=f"there is no {MEMTEST}: scripts/setup fetches it")
def test_memtest86_tests_its_memory(tmp_path: Path) -> None:
    with beside_ours(
        tmp_path,
        MEMTEST,
        "console=ttyS0 nosmp nopause nobench nosm keyboard=legacy",
        "8 MiB",
        lambda said: "walking ones" in said and "Errors: 0" in said,
    ) as (inspector, machine):
        said = machine.serial_text()
        assert "Memtest86+ v" in said and "Memory  :    8MB" in said
        plan = inspector.plan.sandbox("guest")
        screen = machine.memory.read(plan.physical(TEXT_SCREEN), 160)[::2]
        assert b"Memtest86+ v" in screen
        [guest, _] = inspector.sandboxes()
        assert guest.state == "entered" and guest.crash is None
        assert guest.exits.before["port"] > 0
        assert_ours_goes_on(inspector)


def linux() -> Path | None:
    """The newest Linux that is installed."""
    named = os.environ.get("QUESTV_LINUX")
    found = [Path(named)] if named else sorted(Path("/boot").glob("vmlinuz-*cloud-amd64"))
    return found[-1] if found else None


@pytest.mark.long
@pytest.mark.skipif(linux() is None, reason="no Linux: apt install linux-image-cloud-amd64")
def test_linux_boots_to_where_it_needs_a_disk(tmp_path: Path) -> None:
    kernel = linux()
    assert kernel is not None
    with beside_ours(
        tmp_path,
        kernel,
        "earlyprintk=serial console=ttyS0 lpj=1000000 tsc_early_khz=1000000 "
        "noapic nolapic clearcpuid=149",
        "128 MiB",
        lambda said: "end Kernel panic" in said or "Unable to mount root fs" in said,
    ) as (inspector, machine):
        said = machine.serial_text()
        assert "Linux version" in said
        assert "x86/fpu: Enabled xstate features" in said
        assert "Unable to mount root fs" in said
        assert inspector.crashes("guest") == ()
        assert_ours_goes_on(inspector)
