from __future__ import annotations

import pytest

from questv.cli import watch
from questv.cli.watch import Watch
from questv.inspect.inspector import Inspector
from questv.inspect.model import ConsoleReport, CrashReport, FoundMachine, Line, MachineReport
from questv.monitor.interface import CRASHES, SandboxState
from questv.plan.model import Plan
from tests.inspect.machines import HELLO, Sheet, plan_of
from tests.inspect.samples import crash, machine


class Changing(Inspector):
    """A machine of two sandboxes that a test lets change."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, {}, Sheet())
        self.facts: FoundMachine | None = None
        self.states = {"ping": SandboxState.EMPTY, "pong": SandboxState.EMPTY}
        self.faults: dict[str, list[CrashReport]] = {"ping": [], "pong": []}
        self.lines: dict[str, list[Line]] = {"ping": [], "pong": []}

    def found(self) -> FoundMachine | None:
        return self.facts

    def state(self, sandbox: str) -> SandboxState | int:
        return self.states[sandbox]

    def crash_count(self, sandbox: str) -> int:
        return len(self.faults[sandbox])

    def crashes(self, sandbox: str) -> tuple[CrashReport, ...]:
        return tuple(self.faults[sandbox][-CRASHES:])

    def fail(
        self,
        sandbox: str,
        state: SandboxState,
        action: str = "stop",
        *,
        time: int = 1_500_000,
    ) -> None:
        number = len(self.faults[sandbox])
        change = {"number": number, "action": action, "time": time}
        self.faults[sandbox].append(crash().model_copy(update=change))
        self.states[sandbox] = state

    def console(self, sandbox: str, since: int = 0) -> ConsoleReport:
        lines = tuple(line for line in self.lines[sandbox] if line.number > since)
        written = lines[-1].number if lines else since
        return ConsoleReport(
            sandbox=sandbox,
            written=written,
            lost=written - since - len(lines),
            lines=lines,
        )

    def write(self, sandbox: str, number: int, time: int) -> None:
        self.lines[sandbox].append(
            Line(number=number, sandbox=sandbox, task=None, time=time, text=f"{sandbox} {number}")
        )


class Notes:
    """Everything that was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def booted(self, machine: MachineReport) -> None:
        assert machine.found is not None
        self.told.append(f"booted with {machine.found.cores} cores")

    def wrote(self, line: Line) -> None:
        self.told.append(line.text)

    def lost(self, sandbox: str, lines: int) -> None:
        self.told.append(f"{sandbox} lost {lines}")

    def crashed(self, sandbox: str, crash: CrashReport, awaited: tuple[str, ...]) -> None:
        self.told.append(" ".join([sandbox, "crashed", *awaited]))


@pytest.fixture
def inspector() -> Changing:
    return Changing(plan_of(HELLO))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def look(inspector: Changing, notes: Notes) -> Watch:
    return Watch(inspector, machine().asked, notes)


def test_each_thing_is_told_once(inspector: Changing, notes: Notes, look: Watch) -> None:
    assert not look.look() and notes.told == []
    inspector.facts = machine().found
    assert look.look() and notes.told == ["booted with 2 cores"]
    inspector.write("ping", 1, 10)
    assert look.look() and not look.look()
    inspector.fail("ping", SandboxState.CRASHED)
    assert look.look() and not look.look()
    assert notes.told == ["booted with 2 cores", "ping 1", "ping crashed pong"]


def test_lines_that_are_found_together_come_in_the_order_of_time(
    inspector: Changing, notes: Notes, look: Watch
) -> None:
    for sandbox, number, time in (("ping", 1, 10), ("ping", 2, 30), ("pong", 1, 20)):
        inspector.write(sandbox, number, time)
    look.look()
    assert notes.told == ["ping 1", "pong 1", "ping 2"]


def test_a_crash_comes_after_all_lines(inspector: Changing, notes: Notes, look: Watch) -> None:
    inspector.fail("ping", SandboxState.MONITOR_FAULT)
    inspector.write("ping", 1, 10)
    inspector.write("pong", 1, 20)
    look.look()
    assert notes.told == ["ping 1", "pong 1", "ping crashed pong"]


def test_each_restart_is_told_while_it_is_known(
    inspector: Changing, notes: Notes, look: Watch
) -> None:
    inspector.fail("ping", SandboxState.STARTED, "restart")
    look.look()
    assert notes.told == ["ping crashed ping pong"]
    for _ in range(CRASHES + 2):
        inspector.fail("ping", SandboxState.STARTED, "restart")
    look.look()
    look.look()
    assert notes.told == ["ping crashed ping pong"] * (1 + CRASHES)


def test_a_restart_is_told_between_the_lines_before_it_and_after_it(
    inspector: Changing, notes: Notes, look: Watch
) -> None:
    inspector.write("ping", 1, 10)
    inspector.write("ping", 2, 30)
    inspector.write("pong", 1, 20)
    inspector.fail("ping", SandboxState.STARTED, "restart", time=20)
    look.look()
    assert notes.told == ["ping 1", "pong 1", "ping crashed ping pong", "ping 2"]


def test_a_restart_is_told_when_it_is_over(inspector: Changing, notes: Notes, look: Watch) -> None:
    """Until then the lines of its sandbox wait, and no others."""
    inspector.write("ping", 1, 10)
    inspector.write("pong", 1, 20)
    inspector.fail("ping", SandboxState.RESTARTING, "restart", time=15)
    assert look.look() and not look.look()
    assert notes.told == ["pong 1"]
    inspector.states["ping"] = SandboxState.ENTERED
    assert not look.look()
    inspector.states["ping"] = SandboxState.STARTED
    inspector.write("ping", 2, 30)
    assert look.look() and not look.look()
    assert notes.told == ["pong 1", "ping 1", "ping crashed ping pong", "ping 2"]


def test_a_restart_that_takes_long_is_told_before_it_is_over(
    inspector: Changing, notes: Notes, look: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector.fail("ping", SandboxState.RESTARTING, "restart")
    assert not look.look()
    monkeypatch.setattr(watch, "_PATIENCE", 0)
    assert look.look() and not look.look()
    assert notes.told == ["ping crashed ping pong"]


def test_the_last_look_waits_for_no_restart(inspector: Changing, notes: Notes, look: Watch) -> None:
    inspector.fail("ping", SandboxState.CUT_OFF, "restart")
    assert look.look(is_last=True)
    assert notes.told == ["ping crashed pong"]


def test_lost_lines_are_told_and_added_up(inspector: Changing, notes: Notes, look: Watch) -> None:
    for number in (3, 10):
        inspector.write("ping", number, number)
        look.look()
    assert notes.told == ["ping lost 2", "ping 3", "ping lost 6", "ping 10"]
    ping, pong = look.console()
    assert (ping.written, ping.lost, [line.number for line in ping.lines]) == (10, 8, [3, 10])
    assert (pong.written, pong.lost, pong.lines) == (0, 0, ())


def test_a_long_run_keeps_the_newest_lines(
    inspector: Changing, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_KEPT_LINES", 2)
    look = Watch(inspector, machine().asked, notes)
    for number in range(1, 6):
        inspector.write("ping", number, number)
        look.look()
    ping, _ = look.console()
    assert (ping.written, ping.lost, [line.number for line in ping.lines]) == (5, 0, [4, 5])
    assert len(notes.told) == 5


def test_the_boot_is_over_when_all_have_been_entered(inspector: Changing, look: Watch) -> None:
    assert not look.all_entered
    inspector.states["ping"] = SandboxState.FINISHED
    assert not look.all_entered
    inspector.states["pong"] = SandboxState.ENTERED
    assert look.all_entered
