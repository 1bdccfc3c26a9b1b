from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.diagnostics import DiagnosticsError
from questv.system.description import OwnState, load
from questv.system.model import System
from questv.system.tasks import TaskProblem, TaskSignature
from questv.system.timing import Share, Timing

from . import examples, toml


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, examples.values())
    (tmp_path / "expect.py").write_text(examples.EXPECT)
    return tmp_path


def write(folder: Path, values: dict[str, Any]) -> None:
    (folder / "system.toml").write_text(toml.document(values))


def test_a_description_that_keeps_all_rules_is_loaded(folder: Path) -> None:
    description = load(folder, examples.TASKS)
    assert description.system == System.model_validate(examples.values())
    assert description.document.file == folder / "system.toml"
    assert description.cores == {"reader": 2, "report": 0}


def test_each_task_has_its_function_and_what_its_parameters_stand_for(folder: Path) -> None:
    description = load(folder / "system.toml", examples.TASKS)
    system = description.system
    [file], (ring, register) = system.sandboxes[0].inputs, system.channels
    read, pose = description.tasks["reader"]
    report, listen = description.tasks["report"]
    assert (read.task, read.signature) == (
        system.sandboxes[0].tasks[0],
        examples.SIGNATURES["tasks:read"],
    )
    assert list(read.arguments.items()) == [
        ("big_file", file),
        ("digest", ring),
        ("period", 1000000),
    ]
    assert pose.arguments == {"last_pose": register}
    [mutex], [_, console] = system.sandboxes[1].mutexes, system.devices
    assert report.arguments == {"to_report": ring, "last_pose": register, "lock": mutex}
    assert listen.arguments == {"port": console, "lock": mutex, "own": OwnState(), "gain": 0.5}


def test_each_task_has_its_time(folder: Path) -> None:
    description = load(folder, examples.TASKS)
    read, pose = (task.timing for task in description.tasks["reader"])
    report, listen = (task.timing for task in description.tasks["report"])
    assert read == Timing(Share.REST, None, None, None, None)
    assert pose == Timing(Share.OWN, 1_000_000, 100_000, 1_000_000, 900_000)
    assert report == Timing(Share.SHARED, None, None, None, None)
    assert listen == Timing(Share.OWN, 10_000_000, 1_000_000, 10_000_000, 10_000_000)


def test_a_whole_number_for_a_float_becomes_one(folder: Path) -> None:
    values = examples.values()
    values["sandbox"][1]["task"][1]["bind"]["gain"] = 2
    write(folder, values)
    [_, listen] = load(folder, examples.TASKS).tasks["report"]
    assert isinstance(listen.arguments["gain"], float)


def test_a_run_ends_with_the_sandboxes_named_or_with_all(folder: Path) -> None:
    assert load(folder, examples.TASKS).until == ("report",)
    values = examples.values()
    del values["run"]["until"]
    write(folder, values)
    assert load(folder, examples.TASKS).until == ("reader", "report")


def test_the_findings_of_all_rules_come_at_once(folder: Path) -> None:
    values = examples.values()
    values["sandbox"][1]["core"] = 2
    values["channel"][0]["size"] = "48 KiB"
    values["device"][0]["owner"] = "reprot"
    write(folder, values)
    with pytest.raises(DiagnosticsError) as raised:
        load(folder, examples.TASKS)
    assert [finding.rule for finding in raised.value.diagnostics] == [
        "core-taken",
        "ring-size-power",
        "device-owner-unknown",
    ]


class CountingTasks:
    """A source that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find(self, run: str) -> TaskSignature | TaskProblem:
        self.asked.append(run)
        return examples.TASKS.find(run)


def test_each_function_is_looked_up_once(folder: Path) -> None:
    values = examples.values()
    values["sandbox"][1]["task"].append({"name": "more", "run": "tasks:report", "priority": 2})
    write(folder, values)
    source = CountingTasks()
    with pytest.raises(DiagnosticsError, match="channel-end-taken"):
        load(folder, source)
    assert sorted(source.asked) == [
        "tasks:listen",
        "tasks:pose",
        "tasks:read",
        "tasks:report",
    ]
