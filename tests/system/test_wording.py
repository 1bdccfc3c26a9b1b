from __future__ import annotations

from pathlib import Path

import pytest

from questv.diagnostics import Place
from questv.system.wording import one_of, source_position, suggest


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], '"a"'),
        (["a", "b"], '"a" or "b"'),
        (["a", "b", "c"], '"a", "b" or "c"'),
    ],
)
def test_alternatives(names: list[str], text: str) -> None:
    assert one_of(names) == text


def test_a_close_name_is_suggested() -> None:
    assert suggest("raeder", ["writer", "reader"], "add it") == 'did you mean "reader"?'


def test_without_a_close_name_all_are_listed_once() -> None:
    assert suggest("x", ["one", "two", "one"], "add it") == 'write "one" or "two"'


def test_without_any_name_the_other_fix_is_given() -> None:
    assert suggest("x", [], "add it") == "add it"


def test_a_position_has_the_file_and_the_line() -> None:
    assert source_position(Place(Path("/somewhere/tasks.py"), 12, 5)) == "tasks.py:12"
