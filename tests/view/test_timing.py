"""Tables of who had the core, who was late, and what was counted."""

from __future__ import annotations

import re

from rich.console import Group

from questv.inspect.model import HistogramReport
from questv.view.run import summary_view
from questv.view.snapshot import snapshot_view
from questv.view.timing import late_lines, timing_sections
from tests.inspect.samples import report, sandbox, timed_sandbox

from .rendering import coloured, plain


def test_all_tables() -> None:
    shown = plain(Group(*timing_sections([timed_sandbox("left", 0), sandbox("right", 1)])))
    assert shown == (
        "\n"
        "Time (shares of the core since the kernel's start)\n"
        "  sandbox  VCPU         kind         budget  period  share   used  depleted  overran\n"
        "  left     control      main         100 us    1 ms  10.0%  20.0%     1,234        2\n"
        "  left     io           io                            6.2%   0.0%         0        0\n"
        "  left     best-effort  best effort                         30.0%\n"
        "  left                  idle                                50.0%\n"
        "  left is in mode 2, after 3 changes\n"
        "\n"
        "Periodic tasks (responses: how many took each eighth of the deadline)\n"
        "  sandbox  name     calls  missed  dropped   worst  deadline  responses\n"
        "  left     control     20       1        3  923 us    800 us  █ ▄ ▁  ▃| ▁\n"
        "\n"
        "Mutexes\n"
        "  sandbox  name   times  longest  may be  too long\n"
        "  left     state     20  6.79 us    5 us         4\n"
        "\n"
        "Counters\n"
        "  sandbox  name             total\n"
        "  left     tasks.samples  123,456\n"
        "\n"
        "Histograms (half, and 99 of 100 values, are at most)\n"
        "  sandbox  name               values  least  average  half  99 %  most\n"
        "  left     tasks.latency          10      3      111     3   900   900\n"
        "  left     control.own.sizes       0\n"
    )


def test_what_there_is_not_is_not_shown() -> None:
    assert list(timing_sections([sandbox("left", 0)])) == []
    assert list(late_lines([sandbox("left", 0)])) == []
    kept = timed_sandbox("left", 0, tasks=(), mutexes=(), counters=(), histograms=(), idle=0)
    shown = plain(Group(*timing_sections([kept])))
    assert "Time" in shown and "Periodic" not in shown and "Mutexes" not in shown
    none = plain(Group(*timing_sections([kept.model_copy(update={"vcpus": ()})])))
    assert none.splitlines()[-2] == "  left           idle"


def test_what_was_late_stands_out() -> None:
    shown = coloured(Group(*timing_sections([timed_sandbox("left", 0)])))
    assert re.findall(r"\x1b\[1;31m *([0-9]+)", shown) == ["2", "1", "3", "4"]
    fine = timed_sandbox("left", 0)
    task = fine.tasks[0].model_copy(update={"misses": 0, "dropped": 0, "responses": (20,) * 8})
    vcpus = tuple(vcpu.model_copy(update={"overruns": 0}) for vcpu in fine.vcpus)
    fine = fine.model_copy(update={"tasks": (task,), "vcpus": vcpus, "mutexes": ()})
    assert "\x1b[1;31m" not in coloured(Group(*timing_sections([fine])))


def test_lines_of_what_was_late() -> None:
    late = timed_sandbox("left", 0, unsent_lines=38)
    lines = plain(*late_lines([late, sandbox("right", 1)])).splitlines()
    assert lines == [
        "left/control missed 1 deadline in 20 calls, and left out 3 releases",
        "left: VCPU control overran its budget 2 times",
        "left: mutex state was held too long 4 times",
        "left: 38 lines of its console were not sent to the serial port in time",
    ]
    assert "\x1b[1;33m" in coloured(*late_lines([late]))


def test_all_of_it_fits_a_terminal() -> None:
    for length in range(1, 32):
        sandboxes = (timed_sandbox("a" * length, 0), timed_sandbox("right", 1))
        snapshot = report().model_copy(update={"sandboxes": sandboxes, "channels": ()})
        shown = plain(snapshot_view(snapshot), width=80)
        assert max(map(len, shown.splitlines())) <= 80


def test_they_are_part_of_a_snapshot_and_of_a_runs_end() -> None:
    late = report().model_copy(update={"sandboxes": (timed_sandbox("left", 0),), "channels": ()})
    assert "\nPeriodic tasks" in plain(snapshot_view(late))
    lines = plain(summary_view(late)).splitlines()
    assert lines[-2:] == [
        "left: mutex state was held too long 4 times",
        "ended as planned",
    ]
    assert late.succeeded


def test_shares_of_values() -> None:
    found = HistogramReport(name="n", sum=0, least=0, most=5, buckets=(1, 0, 2, 7))
    assert found.count == 10
    assert [found.most_of(share) for share in (0.1, 0.3, 0.31, 1)] == [0, 3, 5, 5]
    empty = found.model_copy(update={"buckets": ()})
    assert (empty.count, empty.most_of(0.5)) == (0, None)
