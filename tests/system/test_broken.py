"""Each rule has an example that breaks it, and it alone, and the text that a person then sees.

An example is ``broken/<rule>.toml``, a folder ``broken/<rule>`` or, for the file that is missing,
nothing; after ``--`` in its name stands the case, if a rule has several. The text that is expected
has the same name and ends in ``.txt``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.diagnostics import DiagnosticsError
from questv.system.description import load, read_draft
from questv.system.document import READING_RULES
from questv.system.rules import RULES, rule_name
from questv.system.shape import SHAPE_RULES

from .fakes import ParsedTasks

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(file.stem for file in BROKEN.glob("*.txt"))
CHECKS = [rule for rules in RULES.values() for rule in rules]
SOURCE = ParsedTasks(Path())


@pytest.fixture(autouse=True)
def _in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are named as a person there would, so that places have no absolute path."""
    monkeypatch.chdir(BROKEN)


def example(case: str) -> Path:
    folder = Path(case)
    return folder if folder.is_dir() else Path(f"{case}.toml")


def broken_rules(path: Path) -> set[str]:
    """The names of all rules that find something in the example at ``path``."""
    try:
        draft = read_draft(path, SOURCE)
    except DiagnosticsError as error:
        return {finding.rule for finding in error.diagnostics}
    return {rule_name(rule) for rule in CHECKS if list(rule(draft))}


@pytest.mark.parametrize("case", CASES)
def test_example_gives_the_expected_text(case: str) -> None:
    with pytest.raises(DiagnosticsError) as raised:
        load(example(case), SOURCE)
    assert raised.value.render() + "\n" == Path(f"{case}.txt").read_text()


@pytest.mark.parametrize("case", CASES)
def test_example_breaks_its_rule_alone(case: str) -> None:
    assert broken_rules(example(case)) == {case.partition("--")[0]}


def test_every_rule_has_an_example() -> None:
    rules = {rule_name(rule) for rule in (*READING_RULES, *SHAPE_RULES, *CHECKS)}
    assert {case.partition("--")[0] for case in CASES} == rules


def test_every_example_is_tested() -> None:
    assert {file.stem for file in BROKEN.glob("*.toml")} <= set(CASES)
