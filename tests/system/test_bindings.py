from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.system.bindings import Parameter, parameters, settled_sandboxes
from questv.system.description import read_draft
from questv.system.draft import Draft

from . import examples, toml
from .fakes import KnownTasks


def draft_of(folder: Path, values: dict[str, Any], **functions: Any) -> Draft:
    file = folder / "system.toml"
    file.write_text(toml.document(values))
    known = {f"tasks:{name}": signature for name, signature in functions.items()}
    return read_draft(file, KnownTasks(dict(examples.SIGNATURES) | known))


def by_name(draft: Draft, sandbox: str) -> dict[str, Parameter]:
    return {each.name: each for each in parameters(draft) if each.sandbox.item.name == sandbox}


def test_parameters_come_in_file_order(tmp_path: Path) -> None:
    found = parameters(draft_of(tmp_path, examples.values()))
    assert [(each.task.item.name, each.name) for each in found] == [
        ("read", "big_file"),
        ("read", "digest"),
        ("read", "period"),
        ("pose", "last_pose"),
        ("print", "to_report"),
        ("print", "last_pose"),
        ("print", "lock"),
        ("listen", "port"),
        ("listen", "lock"),
        ("listen", "own"),
        ("listen", "gain"),
    ]


def test_a_parameter_stands_for_its_entry_or_its_own_name(tmp_path: Path) -> None:
    draft = draft_of(tmp_path, examples.values())
    found = by_name(draft, "reader")
    big_file, digest, period = found["big_file"], found["digest"], found["period"]
    assert (big_file.written, big_file.channel) == (None, None)
    assert big_file.input == draft.inputs[0]
    assert (digest.written, digest.input) == ("to-report", None)
    assert digest.channel == draft.channels[0]
    assert (period.written, period.channel, period.input) == (1000000, None, None)


def test_the_place_is_the_entry_or_the_function(tmp_path: Path) -> None:
    found = by_name(draft_of(tmp_path, examples.values()), "reader")
    big_file, digest = found["big_file"], found["digest"]
    assert big_file.place == big_file.task.value("run")
    assert digest.place == digest.task.value("bind", "digest")
    assert digest.place != digest.task.value("bind")


@pytest.mark.parametrize(
    ("kind", "end"), [("Sender", "from"), ("Writer", "from"), ("Receiver", "to"), ("Reader", "to")]
)
def test_the_end_is_that_of_the_kind(tmp_path: Path, kind: str, end: str) -> None:
    draft = draft_of(tmp_path, examples.values(), pose=examples.signature("pose", other=kind))
    assert by_name(draft, "reader")["other"].end == end


def test_of_a_channel_and_an_input_the_kind_picks_one(tmp_path: Path) -> None:
    values = examples.values()
    values["sandbox"][0]["input"][0]["name"] = "to-report"
    function = examples.signature("read", to_report="Input", digest="Sender")
    draft = draft_of(tmp_path, values, read=function)
    found = by_name(draft, "reader")
    assert (found["to_report"].channel, found["to_report"].input) == (None, draft.inputs[0])
    assert (found["digest"].channel, found["digest"].input) == (draft.channels[0], None)


def test_a_sandbox_is_settled_if_all_parameters_stand_for_something(tmp_path: Path) -> None:
    values = examples.values()
    assert settled_sandboxes(draft_of(tmp_path, values)) == {"reader", "report"}
    values["sandbox"][0]["task"][0]["bind"]["digest"] = "nothing"
    assert settled_sandboxes(draft_of(tmp_path, values)) == {"report"}
    values["sandbox"][1]["task"][0]["run"] = "tasks:unknown"
    assert settled_sandboxes(draft_of(tmp_path, values)) == frozenset()
    values["sandbox"][0]["task"] = []
    assert settled_sandboxes(draft_of(tmp_path, values)) == frozenset()
