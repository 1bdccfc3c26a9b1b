from __future__ import annotations

import pytest

from questv.view.snapshot import (
    inspection_view,
    interrupts_view,
    machine_view,
    snapshot_view,
)
from tests.inspect.samples import crash, machine, report, sandbox

from .rendering import coloured, plain


def test_the_machine() -> None:
    assert plain(machine_view(machine())) == (
        "machine: microvm, 2 cores, 16 MiB, TSC 2.60 GHz, APIC timer 1.00 GHz\n"
        "run: deterministic, for 5 s\n"
    )
    unknown = machine().model_copy(update={"found": None})
    assert plain(machine_view(unknown)).startswith("machine: microvm, 2 cores, 16 MiB\nrun: ")


@pytest.mark.parametrize(
    ("deterministic", "run_for", "line"),
    [
        (False, None, ""),
        (True, None, "run: deterministic\n"),
        (False, 250_000_000, "run: for 0.25 s\n"),
        (False, 120_000_000_000, "run: for 120 s\n"),
    ],
)
def test_how_it_was_to_run(deterministic: bool, run_for: int | None, line: str) -> None:
    asked = machine().asked.model_copy(update={"deterministic": deterministic, "run_for": run_for})
    shown = plain(machine_view(machine().model_copy(update={"asked": asked})))
    assert shown.partition("\n")[2] == line


def test_interrupts() -> None:
    assert plain(interrupts_view(machine())) == "interrupts: guarded, through an x2APIC\n"
    mixed = machine(left="guarded", right="direct")
    assert plain(interrupts_view(mixed)) == (
        "interrupts: left guarded, right direct, through an x2APIC\n"
    )


def test_a_price_is_named() -> None:
    shown = plain(interrupts_view(machine(x2apic=False)), width=200)
    assert shown == (
        "interrupts: guarded; this machine has no x2APIC: the timer and the end of each interrupt"
        " cost guarded kernels an exit\n"
    )
    direct = machine(x2apic=False, left="direct", right="direct")
    assert plain(interrupts_view(direct)) == "interrupts: direct\n"


def test_tables() -> None:
    assert plain(snapshot_view(report())) == (
        "Sandboxes (seconds since the machine's start; exits since the kernel's)\n"
        "  name   core  state      started     ended  timer  doorbells  exits\n"
        "  left      0  finished  0.000002  0.003000      7      1,234  12 doorbell\n"
        "  right     1  finished  0.000002  0.003000      7      1,234  12 doorbell\n"
        "\n"
        "Tasks\n"
        "  sandbox  name  function    time, priority   state              switches\n"
        "  left     work  tasks:work  best effort, 10  waiting for there         3\n"
        "  right    work  tasks:work  best effort, 10  waiting for there         3\n"
        "\n"
        "Channels (as each end counts; doorbells it rang, was woken by, got late)\n"
        "  name    end    messages  bytes  waits  rung  woken  late\n"
        "  there   left         10     80      1     2      3     4\n"
        "    ring  right         9     72      1     2      3     4\n"
    )


def test_broken_rules_stand_out() -> None:
    channel = report().channels[0]
    broken = channel.receiver.model_copy(update={"violations": 5})
    channels = (channel.model_copy(update={"receiver": broken}),)
    shown = plain(snapshot_view(report().model_copy(update={"channels": channels})))
    assert shown.endswith(
        "  name    end    messages  bytes  waits  rung  woken  late  broken rules\n"
        "  there   left         10     80      1     2      3     4             0\n"
        "    ring  right         9     72      1     2      3     4             5\n"
    )


def test_restarts_have_a_column_if_there_were_any() -> None:
    again = sandbox("left", 0, state="started", incarnation=3)
    snapshot = report().model_copy(update={"sandboxes": (again, sandbox("right", 1))})
    shown = plain(snapshot_view(snapshot))
    assert "  state     restarts   started" in shown and "  started          3  " in shown
    assert "restarts" not in plain(snapshot_view(report()))


def test_ends_that_found_the_other_one_restarted() -> None:
    channel = report().channels[0]
    sender = channel.sender.model_copy(update={"resets": 2})
    channels = (channel.model_copy(update={"sender": sender}),)
    shown = plain(snapshot_view(report().model_copy(update={"channels": channels})))
    assert shown.endswith(
        "  name    end    messages  bytes  waits  rung  woken  late  resets\n"
        "  there   left         10     80      1     2      3     4       2\n"
        "    ring  right         9     72      1     2      3     4       0\n"
    )


def test_a_crash_stands_out() -> None:
    fallen = sandbox("left", 0, state="crashed", crash=crash(), crashes=(crash(),))
    snapshot = report().model_copy(update={"sandboxes": (fallen, sandbox("right", 1))})
    assert "\x1b[1;31mcrashed" in coloured(snapshot_view(snapshot))
    shown = plain(inspection_view(snapshot, snapshot.console))
    assert "Last lines\n  0.001000  left/work   one\n" in shown
    assert shown.index("Last lines") < shown.index("left wrote to port 0x70")


def test_no_exits() -> None:
    none = sandbox("left", 0).exits.model_copy(update={"after": {"doorbell": 0}})
    snapshot = report().model_copy(update={"sandboxes": (sandbox("left", 0, exits=none),)})
    snapshot = snapshot.model_copy(update={"channels": ()})
    assert "1,234  none\n" in plain(snapshot_view(snapshot))
    assert "Channels" not in plain(snapshot_view(snapshot))


def test_large_numbers_fit_a_terminal() -> None:
    channel = report().channels[0]
    end = channel.sender.model_copy(
        update={"messages": 9_999_999, "bytes": 1 << 30, "rung": 999_999, "waits": 999_999}
    )
    channels = (channel.model_copy(update={"name": "a-long-name", "sender": end}),)
    shown = plain(snapshot_view(report().model_copy(update={"channels": channels})), width=80)
    assert "  a-long-name  left   9,999,999  1,073,741,824  999,999  999,999 " in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("offset", "error", "line"),
    [
        (None, None, ""),
        (0, 20_000_000, ""),
        (0, 20_000_001, "  clocks: core 1's is known to within 20.0 ms only\n"),
        (
            3_000_000_000,
            25,
            "  clocks: core 1's was 3.00 s ahead, and was set right to within 25.0 ns\n",
        ),
        (-150, 25, "  clocks: core 1's was 150 ns behind, and was set right to within 25.0 ns\n"),
    ],
)
def test_clocks(offset: int | None, error: int | None, line: str) -> None:
    """Said where they were wrong, or where nobody can tell."""
    right = sandbox("right", 1, clock_offset=offset, clock_error=error)
    made = report().model_copy(update={"sandboxes": (sandbox("left", 0), right)})
    _, _, rest = plain(snapshot_view(made)).partition("  right ")
    assert rest.partition("\n")[2].startswith(line + "\nTasks\n")
