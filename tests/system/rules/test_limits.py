"""The last value that is right and the first that is wrong, for each limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.system.description import read_draft
from questv.system.document import DocumentPath
from questv.system.rules import check

from .. import examples, toml

CORE = ("sandbox", 0, "core")
MEMORY = ("sandbox", 0, "memory")
PRIORITY = ("sandbox", 0, "task", 0, "priority")
STACK = ("sandbox", 0, "task", 0, "stack")
PERIOD = ("sandbox", 0, "task", 0, "bind", "period")
INPUT = ("sandbox", 0, "input", 0, "size")
RING = ("channel", 0, "size")
MESSAGE = ("channel", 1, "message")
MACHINE = ("machine", "memory")
POSE = ("sandbox", 0, "task", 1)
SHARED = ("sandbox", 1, "vcpu", 0)
UTILIZATION = ("sandbox", 1, "vcpu", 1, "utilization")
GAIN = ("sandbox", 1, "task", 1, "bind", "gain")

F32_MAXIMUM = (2**24 - 1) << 104

TOTAL = (2 << 20) + (4 << 20) + (1 << 30) + (128 << 10) + 4096
"""What the example gives out: two sandboxes, an input, a ring, and a register in one page."""


def broken(folder: Path, path: DocumentPath, value: object) -> list[str]:
    values = examples.values()
    del values["run"]
    part: Any = values
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    file = folder / "system.toml"
    file.write_text(toml.document(values))
    return [finding.rule for finding in check(read_draft(file, examples.TASKS))]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (CORE, 0),
        (CORE, 63),
        (MEMORY, "28 KiB"),
        (PRIORITY, 0),
        (PRIORITY, 255),
        (STACK, 4096),
        (PERIOD, 0),
        (PERIOD, 0xFFFFFFFF),
        (INPUT, 4096),
        (RING, 4096),
        (RING, "16 MiB"),
        (MESSAGE, 1),
        (MESSAGE, "1 MiB"),
        (MESSAGE, 1023),
        (MACHINE, TOTAL),
        ((*POSE, "budget"), "200 us"),
        ((*POSE, "period"), 900_000),
        ((*POSE, "deadline"), "1 ms"),
        ((*POSE, "level"), 1),
        ((*POSE, "level"), 3),
        ((*POSE, "overrun_budget"), "100 us"),
        ((*SHARED, "overrun_budget"), "1 ms"),
        (UTILIZATION, 0.001),
        (GAIN, F32_MAXIMUM),
        (GAIN, -float(F32_MAXIMUM)),
        (GAIN, float("-inf")),
        (GAIN, float("nan")),
    ],
)
def test_the_last_value_that_is_right(tmp_path: Path, path: DocumentPath, value: object) -> None:
    assert broken(tmp_path, path, value) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*POSE, "deadline"), 1),
        ((*POSE, "overrun_budget"), "1 ms"),
        ((*SHARED, "overrun_budget"), "10 ms"),
        (UTILIZATION, 1),
    ],
)
def test_the_last_value_that_is_right_by_itself(
    tmp_path: Path, path: DocumentPath, value: object
) -> None:
    """There is no room for it beside the others, and only that is wrong with it."""
    assert set(broken(tmp_path, path, value)) <= {"core-overloaded", "deadline-missed"}


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (CORE, -1, "core-range"),
        (CORE, 64, "core-range"),
        (MEMORY, "24 KiB", "stacks-exceed-memory"),
        (MEMORY, (2 << 20) - 1, "sandbox-memory-pages"),
        (PRIORITY, -1, "task-priority-range"),
        (PRIORITY, 256, "task-priority-range"),
        (STACK, 0, "task-stack-pages"),
        (STACK, 4095, "task-stack-pages"),
        (STACK, 4097, "task-stack-pages"),
        (PERIOD, -1, "bind-integer-range"),
        (PERIOD, 0x100000000, "bind-integer-range"),
        (INPUT, 0, "input-size-pages"),
        (INPUT, 4097, "input-size-pages"),
        (RING, 2048, "ring-size-range"),
        (RING, "32 MiB", "ring-size-range"),
        (RING, 4097, "ring-size-power"),
        (MESSAGE, 0, "four-slot-message-range"),
        (MESSAGE, (1 << 20) + 1, "four-slot-message-range"),
        (MACHINE, (1 << 40) + 1, "machine-memory-pages"),
        (MACHINE, TOTAL - 4096, "machine-memory-exceeded"),
        ((*POSE, "budget"), 200_001, "overrun-budget-range"),
        ((*POSE, "budget"), 1_000_001, "budget-over-period"),
        ((*POSE, "period"), 899_999, "deadline-over-period"),
        ((*POSE, "deadline"), 1_000_001, "deadline-over-period"),
        ((*POSE, "level"), -1, "level-range"),
        ((*POSE, "level"), 4, "level-range"),
        ((*POSE, "level"), 0, "overrun-budget-level"),
        ((*POSE, "overrun_budget"), 99_999, "overrun-budget-range"),
        ((*POSE, "overrun_budget"), 1_000_001, "overrun-budget-range"),
        ((*SHARED, "level"), 4, "level-range"),
        ((*SHARED, "budget"), 10_000_001, "budget-over-period"),
        ((*SHARED, "overrun_budget"), 999_999, "overrun-budget-range"),
        (UTILIZATION, 0.0009, "utilization-range"),
        (UTILIZATION, 1.001, "utilization-range"),
        (UTILIZATION, float("nan"), "utilization-range"),
        (GAIN, F32_MAXIMUM + 1, "bind-float-range"),
        (GAIN, -3.5e38, "bind-float-range"),
    ],
)
def test_the_first_value_that_is_wrong(
    tmp_path: Path, path: DocumentPath, value: object, rule: str
) -> None:
    assert broken(tmp_path, path, value) == [rule]


@pytest.mark.parametrize(("message", "rules"), [(1024, []), (1025, ["machine-memory-exceeded"])])
def test_the_four_slots_of_a_register_take_whole_pages(
    tmp_path: Path, message: int, rules: list[str]
) -> None:
    values = examples.values()
    values["channel"][1]["message"] = message
    values["machine"]["memory"] = TOTAL
    del values["run"]
    file = tmp_path / "system.toml"
    file.write_text(toml.document(values))
    findings = check(read_draft(file, examples.TASKS))
    assert [finding.rule for finding in findings] == rules
