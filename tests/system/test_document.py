from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.diagnostics import DiagnosticsError, Place
from questv.system.document import Document, DocumentPath, read_document

from . import toml

TEXT = """\
version = 1  # a comment
name = "ünï"
"quoted k\\u0065y".sub = 3

[run]
until = [
  "one",  # a comment
  "two",
]
note = \"\"\"several
lines\"\"\"

[[sandbox]]
name = "a"
  [[sandbox.task]]
  stack = "8 KiB"
  bind = { out = "x", deep = [ { n = 1 } ] }
  [[sandbox.task]]
    [sandbox.task.bind]
    out = 7

[[sandbox]]
[[sandbox.task]]
\tstack = 4096

[a.b.c]
d = true
"""


@pytest.fixture
def document(tmp_path: Path) -> Document:
    file = tmp_path / "system.toml"
    file.write_text(TEXT, encoding="utf-8")
    return read_document(tmp_path)


@pytest.mark.parametrize(
    ("path", "line", "column", "length"),
    [
        (("version",), 1, 1, 7),
        (("quoted key",), 3, 1, 21),
        (("quoted key", "sub"), 3, 1, 21),
        (("run",), 5, 2, 3),
        (("run", "until"), 6, 1, 5),
        (("run", "until", 1), 8, 3, 5),
        (("sandbox",), 13, 3, 7),
        (("sandbox", 0), 13, 3, 7),
        (("sandbox", 1), 22, 3, 7),
        (("sandbox", 0, "task", 1), 18, 5, 12),
        (("sandbox", 1, "task", 0), 23, 3, 12),
        (("sandbox", 1, "task", 0, "stack"), 24, 2, 5),
        (("sandbox", 0, "task", 0, "bind", "deep"), 17, 23, 4),
        (("sandbox", 0, "task", 1, "bind"), 19, 6, 17),
        (("sandbox", 0, "task", 1, "bind", "out"), 20, 5, 3),
        (("a",), 26, 2, 5),
        (("a", "b", "c"), 26, 2, 5),
    ],
)
def test_places_of_keys(
    document: Document, path: DocumentPath, line: int, column: int, length: int
) -> None:
    assert document.key(*path) == Place(document.file, line, column, length)


@pytest.mark.parametrize(
    ("path", "line", "column", "length"),
    [
        (("version",), 1, 11, 1),
        (("name",), 2, 8, 5),
        (("run", "until"), 6, 9, 1),
        (("run", "until", 1), 8, 3, 5),
        (("run", "note"), 10, 8, 10),
        (("sandbox", 0), 13, 3, 7),
        (("sandbox", 0, "task", 0, "bind"), 17, 10, 35),
        (("sandbox", 0, "task", 0, "bind", "deep", 0, "n"), 17, 38, 1),
        (("sandbox", 1, "task", 0, "stack"), 24, 10, 4),
        (("a", "b", "c", "d"), 27, 5, 4),
    ],
)
def test_places_of_values(
    document: Document, path: DocumentPath, line: int, column: int, length: int
) -> None:
    assert document.value(*path) == Place(document.file, line, column, length)


def test_what_is_not_written_is_at_the_part_around_it(document: Document) -> None:
    assert document.value("sandbox", 0, "core") == document.key("sandbox", 0)
    assert document.value("sandbox", 1, "task", 0, "bind", "x") == document.key(
        "sandbox", 1, "task", 0
    )
    assert document.key("run", "expect") == document.key("run")
    assert document.value("machine", "memory") == Place(document.file)


def test_a_file_may_be_given_instead_of_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_bytes(b"a = 1\r\nb = [ 2 ]\r\n")
    document = read_document(file)
    assert document.values == {"a": 1, "b": [2]}
    assert document.value("b") == Place(file, 2, 5, 5)


def test_a_value_of_several_lines_ends_with_its_first(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"a = [\r\n1]\r\n")
    assert read_document(file).value("a") == Place(file, 1, 5, 1)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\na = 2\n", 2, 1),
        ("a = { b = 1, b = 2 }\n", 1, 14),
        ("a.b = 1\na.b = 2\n", 2, 1),
        ("a = 1\n[a]\n", 2, 2),
        ("[a]\nb = 1\n[c]\n[a]\nb = 1\n", 4, 2),
    ],
)
def test_double_keys(tmp_path: Path, text: str, line: int, column: int) -> None:
    file = tmp_path / "system.toml"
    file.write_text(text)
    with pytest.raises(DiagnosticsError) as raised:
        read_document(file)
    [finding] = raised.value.diagnostics
    assert finding.rule == "toml-duplicate-key"
    assert (finding.place.line, finding.place.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        "a = \n",
        'a = "\\q"\n',
        '"\\ud800" = 1\n',
        "a = {}\na.b = 1\n",
        "a = 2026-02-30\n",
        f"a = {'9' * 5000}\n",
        f"a = {'[' * 3000}{']' * 3000}\n",
        "\x00",
    ],
)
def test_what_is_not_toml_is_one_finding(tmp_path: Path, text: str) -> None:
    file = tmp_path / "system.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DiagnosticsError) as raised:
        read_document(file)
    assert [finding.rule for finding in raised.value.diagnostics] == ["toml-syntax"]


KEYS = st.from_regex(r"[a-z][a-z-]{0,5}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=8)
LEAVES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | PLAIN
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def leaves(value: object, path: DocumentPath = ()) -> Iterator[tuple[DocumentPath, object]]:
    """All values in ``value`` that are neither tables nor arrays, with their paths."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


@settings(deadline=None)  # Files are written, however long that takes.
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_every_place_holds_the_value_of_its_path(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object], with_headers: bool
) -> None:
    text = (
        toml.document(values)
        if with_headers
        else "".join(f"{key} = {toml.inline(value)}\n" for key, value in values.items())
    )
    file = tmp_path_factory.getbasetemp() / "places.toml"
    file.write_text(text, encoding="utf-8")
    document = read_document(file)
    assert document.values == values
    lines = text.split("\n")
    for path, value in leaves(values):
        place = document.value(*path)
        start = place.column - 1
        stretch = lines[place.line - 1][start : start + place.length]
        assert tomllib.loads(f"value = {stretch}") == {"value": value}


@settings(deadline=None)  # Files are written, however long that takes.
@given(st.text() | st.text("ab.=[]{}\"'\n#, 1"))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, encoding="utf-8", newline="")
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(DiagnosticsError):
            read_document(file)
    else:
        assert read_document(file).values == expected
