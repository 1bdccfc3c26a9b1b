from __future__ import annotations

from pathlib import Path

from questv.system.description import load
from questv.system.model import TABLES, keys
from questv.system.reference import EXAMPLE, REFERENCE, reference

from . import examples
from .fakes import KnownTasks


def test_the_reference_in_the_documentation_is_current() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), (
        "run: python -m questv.system.reference"
    )


def test_the_example_keeps_all_rules(tmp_path: Path) -> None:
    (tmp_path / "system.toml").write_text(EXAMPLE)
    count = examples.signature("count", out="Sender", period="u64")
    report = examples.signature("report", counts="Receiver")
    description = load(tmp_path, KnownTasks({"tasks:count": count, "tasks:report": report}))
    assert list(description.tasks) == ["count", "report"]


def test_every_key_of_every_table_is_there() -> None:
    sections = reference().split("\n## ")
    for table in TABLES.values():
        title = table.header[0].upper() + table.header[1:]
        [section] = [each for each in sections if each.startswith(f"{title}\n")]
        assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")] == (
            list(keys(table))
        )


def test_every_table_of_the_page_is_well_formed() -> None:
    for block in reference().split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
