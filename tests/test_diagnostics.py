from __future__ import annotations

from pathlib import Path

import pytest

from questv.diagnostics import Diagnostic, DiagnosticsError, Place, source_line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "source.py"


def wrong(file: Path, line: int, column: int, length: int = 1) -> Diagnostic:
    return Diagnostic(Place(file, line, column, length), "it is wrong", "mend it", "rule")


def test_a_place_is_shown_below_its_line(file: Path) -> None:
    file.write_text("first\n  second line  \n")
    assert wrong(file, 2, 10, 4).render() == (
        f"{file}:2:10: it is wrong [rule]\n    second line\n           ^^^^\n  fix: mend it"
    )


def test_a_file_as_a_whole_has_no_line(file: Path) -> None:
    assert wrong(file, 0, 1).render() == f"{file}: it is wrong [rule]\n  fix: mend it"


def test_a_line_that_is_not_there_is_not_shown(file: Path) -> None:
    expected = f"{file}:3:1: it is wrong [rule]\n  fix: mend it"
    assert wrong(file, 3, 1).render() == expected
    file.write_text("one\n")
    assert wrong(file, 3, 1).render() == expected
    file.write_bytes(b"\n\n\xff\n")
    assert wrong(file, 3, 1).render() == expected


def test_a_length_ends_with_the_line(file: Path) -> None:
    file.write_text("abc\n")
    assert wrong(file, 1, 2, 100).render().split("\n")[2] == "     ^^"
    assert wrong(file, 1, 4, 100).render().split("\n")[2] == "       ^"


def test_a_caret_stands_below_its_place_behind_tabs(file: Path) -> None:
    file.write_text("\tname\t=\tvalue\n")
    _, above, below, _ = wrong(file, 1, 9, 5).render().expandtabs().split("\n")
    assert above.index("value") == below.index("^^^^^")


@pytest.mark.parametrize("inner", ["\u0085", "\u2028", "\x0b", "\x0c", "\x1c"])
def test_only_line_ends_end_a_line(file: Path, inner: str) -> None:
    file.write_text(f"# one{inner}still one\nsecond = 2\n")
    assert source_line(file, 1) == f"# one{inner}still one"
    assert source_line(file, 2) == "second = 2"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_are_no_part_of_a_line(file: Path, end: str) -> None:
    file.write_bytes(f"one{end}two{end}".encode())
    assert source_line(file, 2) == "two"
    assert source_line(file, 4) is None


def test_a_byte_order_mark_takes_no_column(file: Path) -> None:
    file.write_text("one\n", encoding="utf-8-sig")
    assert source_line(file, 1) == "one"


def test_a_file_that_has_changed_is_read_again(file: Path) -> None:
    file.write_text("before\n")
    assert source_line(file, 1) == "before"
    file.write_text("after!\n")
    assert source_line(file, 1) == "after!"


def test_findings_come_once_and_in_the_order_of_the_file(file: Path) -> None:
    error = DiagnosticsError([wrong(file, 2, 1), wrong(file, 1, 5), wrong(file, 2, 1)])
    assert [each.place.line for each in error.diagnostics] == [1, 2]
    assert str(error) == "\n\n".join(each.render() for each in error.diagnostics)
