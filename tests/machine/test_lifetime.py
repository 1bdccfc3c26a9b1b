"""Whatever happens to the process that runs a machine: no process and no file stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.machine import Machine, MachineOptions, running

from . import guest
from .conftest import processes_of

OWNER = """
import sys, time
from pathlib import Path
from questv.machine import MIB, Machine, MachineOptions
print("ready", flush=True)
with Machine(MachineOptions(image=Path(sys.argv[1]), memory=16 * MIB)) as machine:
    print(machine.pid, machine.directory, flush=True)
    {then}
"""

Options = Callable[..., MachineOptions]


@contextmanager
def owner(image: Path, then: str = "time.sleep(60)") -> Iterator[subprocess.Popen[str]]:
    """A process that runs a machine for ever, and then does ``then``."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then=then), image],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def started(process: subprocess.Popen[str]) -> tuple[int, Path]:
    """QEMU's process and the run directory of the machine that ``process`` owns."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    pid, directory = process.stdout.readline().split()
    return int(pid), Path(directory)


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.005)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    return guest.image(tmp_path, guest.SPIN)


@pytest.mark.parametrize("to_group", [False, True])
def test_ctrl_c(endless: Path, runtime: Path, to_group: bool) -> None:
    with owner(endless) as process:
        pid, directory = started(process)
        assert sorted(processes_of(runtime)) == sorted([process.pid, pid])
        (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert errors.strip().endswith("KeyboardInterrupt")
    assert processes_of(runtime) == []
    assert not directory.exists()


def test_impatient_ctrl_c(endless: Path, runtime: Path) -> None:
    with owner(endless) as process:
        started(process)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
    assert processes_of(runtime) == []
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064])
def test_ctrl_c_at_any_moment_of_the_start(endless: Path, runtime: Path, delay: float) -> None:
    with owner(endless) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode != 0
    assert processes_of(runtime) == []
    assert list(runtime.iterdir()) == []


@pytest.mark.parametrize(
    "then", ["sys.exit(3)", "raise ValueError", "machine.stop()", "machine.publish('a', b'b')"]
)
def test_an_owner_that_ends(endless: Path, runtime: Path, then: str) -> None:
    with owner(endless, then) as process:
        _, directory = started(process)
        process.communicate(timeout=10)
    assert processes_of(runtime) == []
    assert not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_owner_takes_qemu_with_it_and_the_next_start_sweeps(
    endless: Path, runtime: Path, number: signal.Signals, options: Options
) -> None:
    with owner(endless) as process:
        _, directory = started(process)
        process.send_signal(number)
        assert process.wait(10) == -number
        wait_until(lambda: processes_of(runtime) == [])
    assert (directory / "memory").exists()
    assert directory not in [machine.directory for machine in running()]
    with Machine(options(guest.leave(0))) as machine:
        assert not directory.exists()
        machine.wait(10)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.004, 0.008, 0.016, 0.032])
def test_killed_at_any_moment_of_the_start(
    endless: Path, runtime: Path, delay: float, options: Options
) -> None:
    with owner(endless) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.kill()
        process.wait(10)
        wait_until(lambda: processes_of(runtime) == [])
    with Machine(options(guest.leave(0))) as machine:
        machine.wait(10)
        assert list((runtime / "questv").iterdir()) == [machine.directory]
