from __future__ import annotations

from pathlib import Path

import pytest

from questv.system.description import read_draft
from questv.system.draft import Draft, inputs, msrs, mutexes, ports, repeated, tasks, vcpus

from . import examples, toml


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    file = tmp_path / "system.toml"
    file.write_text(toml.document(examples.values()))
    return read_draft(file, examples.TASKS)


def test_each_part_knows_its_path(draft: Draft) -> None:
    reader, report = draft.sandboxes
    assert [(each.item.name, each.path) for each in (reader, report)] == [
        ("reader", ("sandbox", 0)),
        ("report", ("sandbox", 1)),
    ]
    assert [(task.item.name, task.path) for task in tasks(reader)] == [
        ("read", ("sandbox", 0, "task", 0)),
        ("pose", ("sandbox", 0, "task", 1)),
    ]
    assert [each.path for each in inputs(reader)] == [("sandbox", 0, "input", 0)]
    assert [each.path for each in ports(reader)] == [("sandbox", 0, "ports", 0)]
    assert [each.path for each in msrs(reader)] == [("sandbox", 0, "msr", 0)]
    assert [each.path for each in vcpus(report)] == [
        ("sandbox", 1, "vcpu", 0),
        ("sandbox", 1, "vcpu", 1),
    ]
    assert [each.path for each in mutexes(report)] == [("sandbox", 1, "mutex", 0)]
    assert [each.path for each in draft.chains] == [("chain", 0)]
    assert [each.path for each in draft.channels] == [("channel", 0), ("channel", 1)]
    assert [each.path for each in draft.devices] == [("device", 0), ("device", 1)]
    assert draft.inputs == inputs(reader)
    assert draft.sandbox_names == ("reader", "report")


def test_each_part_knows_its_places(draft: Draft) -> None:
    task = tasks(draft.sandboxes[0])[1]
    lines = draft.document.file.read_text().splitlines()
    assert lines[task.line - 1] == "[[sandbox.task]]"
    assert lines[task.line] == 'name = "pose"'
    assert (task.key("name").line, task.key("name").column) == (task.line + 1, 1)
    assert (task.value("name").line, task.value("name").column) == (task.line + 1, 8)
    assert draft.machine.value("memory").line == draft.machine.line + 1
    assert draft.run.value("expect").line == draft.run.line + 2
    assert draft.root.line == 0


def test_the_functions_of_all_tasks_are_there(draft: Draft) -> None:
    assert draft.functions == examples.SIGNATURES


def test_repeated_gives_each_further_one_with_the_first() -> None:
    words = ["one", "two", "ONE", "One", "three", "-", "-"]
    assert list(repeated(words, lambda word: word.lower() if word.isalpha() else None)) == [
        ("one", "ONE"),
        ("one", "One"),
    ]
