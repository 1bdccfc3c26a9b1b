from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from questv.machine import (
    MIB,
    Machine,
    MachineError,
    MachineKind,
    MachineOptions,
    RunningMachine,
    running,
)

from . import guest
from .guest import EAX, RESULT

Options = Callable[..., MachineOptions]

VISITOR = f"""
import os
from questv.machine import running
(machine,) = [machine for machine in running() if machine.pid == os.getppid()]
print(machine.name, machine.kind, machine.memory_size, machine.image)
print(machine.serial_text())
print(machine.published("plan.json").decode())
with machine.memory() as memory:
    print(memory.read({RESULT}, 4).decode())
    try:
        memory.write({RESULT}, b"no")
    except OSError:
        print("read-only")
"""


def own_machines() -> list[RunningMachine]:
    """The machines of this test; others of this user may run at the same time."""
    own = Path(os.environ["XDG_RUNTIME_DIR"])
    return [machine for machine in running() if own in machine.directory.parents]


def test_another_process_sees_all_of_it(options: Options) -> None:
    code = guest.load(EAX, 0x51554556) + guest.store(RESULT, EAX) + guest.say("Q") + guest.SPIN
    chosen = options(code, kind=MachineKind.Q35)
    with Machine(chosen, name="demo") as machine:
        machine.publish("plan.json", b"{}")
        while machine.serial_text() != "Q":
            pass
        answer = subprocess.run(
            [sys.executable, "-c", VISITOR], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    assert answer.splitlines() == [
        f"demo q35 {16 * MIB} {chosen.image}",
        "Q",
        "{}",
        "VEUQ",
        "read-only",
    ]


def test_they_are_in_order_of_their_start(options: Options) -> None:
    before = datetime.now(UTC)
    with Machine(options(guest.SPIN), name="z"), Machine(options(guest.SPIN), name="a"):
        machines = own_machines()
        assert [machine.name for machine in machines] == ["z", "a"]
        assert before <= machines[0].started <= machines[1].started
        assert machines[1].started - before < timedelta(seconds=30)
    assert own_machines() == []


def test_a_machine_whose_guest_has_ended_can_still_be_looked_at(options: Options) -> None:
    with Machine(options(guest.say("bye") + guest.leave(0))) as machine:
        machine.wait(10)
        (found,) = own_machines()
        assert found.serial_text() == "bye"


def test_it_is_not_there_before_it_has_started(options: Options, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"data")
    seen: list[list[RunningMachine]] = []
    chosen = options(guest.SPIN, contents=((2 * MIB, tmp_path / "data"),))
    with Machine(chosen, progress=lambda done, total: seen.append(own_machines())):
        assert seen == [[]]
        assert len(own_machines()) == 1


def test_a_machine_that_has_gone(options: Options) -> None:
    with Machine(options(guest.SPIN), name="demo"):
        (found,) = own_machines()
    for look in (found.memory, found.serial_text, lambda: found.published("x")):
        with pytest.raises(MachineError, match="the machine demo has ended"):
            look()


def test_only_what_was_published_can_be_had(options: Options) -> None:
    with Machine(options(guest.SPIN), name="demo") as machine:
        (found,) = own_machines()
        with pytest.raises(MachineError, match="demo has published no trace"):
            found.published("trace")
        for name in ("../memory", "", ".."):
            with pytest.raises(MachineError, match="can't be the name of a file"):
                found.published(name)
            with pytest.raises(MachineError, match="can't be the name of a file"):
                machine.publish(name, b"")
