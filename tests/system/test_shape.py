from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.system.document import Document, DocumentPath, read_document
from questv.system.model import TABLES, System, keys
from questv.system.shape import parse_system

from . import examples, toml
from .test_document import VALUES, leaves


def written(folder: Path, values: dict[str, Any]) -> Document:
    file = folder / "shape.toml"
    file.write_text(toml.document(values), encoding="utf-8")
    return read_document(file)


def findings(document: Document) -> list[Diagnostic]:
    with pytest.raises(DiagnosticsError) as raised:
        parse_system(document)
    return raised.value.diagnostics


def part(values: Any, path: DocumentPath) -> Any:
    for step in path:
        values = values[step]
    return values


def test_a_document_of_the_right_shape_becomes_models(tmp_path: Path) -> None:
    values = examples.values()
    assert parse_system(written(tmp_path, values)) == System.model_validate(values)


LEAVES = [path for path, _ in leaves(examples.values())]
NUMBERS = ("bind", "utilization")
"""Keys with values that may be floats."""
TABLE_PATHS = sorted({path[: n + 1] for path in LEAVES for n in range(len(path) - 1)}, key=str)


@pytest.mark.parametrize("path", LEAVES, ids=str)
@pytest.mark.parametrize("wrong", [1.5, True, [], {}], ids=repr)
def test_a_value_of_a_wrong_type_is_found_where_it_stands(
    tmp_path: Path, path: DocumentPath, wrong: object
) -> None:
    values = examples.values()
    part(values, path[:-1])[path[-1]] = wrong
    document = written(tmp_path, values)
    if wrong == 1.5 and set(path) & set(NUMBERS):
        parse_system(document)
        return
    [finding] = findings(document)
    assert finding.rule in ("type-wrong", "choice-unknown")
    assert finding.place == document.value(*path)


@pytest.mark.parametrize("path", TABLE_PATHS, ids=str)
@pytest.mark.parametrize("wrong", [3, "text"])
def test_a_table_or_array_of_a_wrong_type_is_found_where_it_stands(
    tmp_path: Path, path: DocumentPath, wrong: object
) -> None:
    values = examples.values()
    part(values, path[:-1])[path[-1]] = wrong
    document = written(tmp_path, values)
    [finding] = findings(document)
    assert finding.rule == "type-wrong"
    assert finding.place == document.value(*path)


TABLES_AND_KEYS = [
    (path, key)
    for path in [(), *TABLE_PATHS]
    for key in part(examples.values(), path)
    if isinstance(part(examples.values(), path), dict) and path[-1:] != ("bind",)
]


@pytest.mark.parametrize(("path", "key"), TABLES_AND_KEYS, ids=str)
def test_a_key_left_out_is_missing_or_has_a_default(
    tmp_path: Path, path: DocumentPath, key: str
) -> None:
    values = examples.values()
    del part(values, path)[key]
    document = written(tmp_path, values)
    names = tuple(step for step in path if isinstance(step, str))
    some = {("channel",): "ring", ("device",): "uart", ("sandbox", "vcpu"): "main"}
    kind = part(values, path).get("kind", some[names]) if names in some else None
    table = TABLES[(*names, kind) if kind else names]
    if table.model_fields[keys(table)[key]].is_required():
        [finding] = findings(document)
        assert finding.rule == "key-missing"
        assert f'lacks the key "{key}"' in finding.message
        assert finding.place == document.key(*path)
    else:
        parse_system(document)


@pytest.mark.parametrize("path", sorted({p for p, _ in TABLES_AND_KEYS}, key=str), ids=str)
def test_a_key_too_many_is_found_where_it_stands(tmp_path: Path, path: DocumentPath) -> None:
    values = examples.values()
    part(values, path)["colour"] = "red"
    document = written(tmp_path, values)
    [finding] = findings(document)
    assert finding.rule == "key-unknown"
    assert finding.place == document.key(*path, "colour")


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    values = examples.values()
    values["name"] = "Demo"
    values["sandbox"][0]["memory"] = "2 MB"
    values["sandbox"][0]["task"][0]["run"] = "read"
    del values["sandbox"][1]["memory"]
    values["channel"][1]["kind"] = "slots"
    values["device"][0]["kinds"] = "uart"
    assert [finding.rule for finding in findings(written(tmp_path, values))] == [
        "name-syntax",
        "size-invalid",
        "function-syntax",
        "key-missing",
        "choice-unknown",
        "key-unknown",
    ]


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a_b", "a b", "a" * 32, "ä", "a\n"])
def test_names_that_are_wrong(tmp_path: Path, name: str) -> None:
    values = examples.values() | {"name": name}
    [finding] = findings(written(tmp_path, values))
    assert finding.rule == "name-syntax"


@pytest.mark.parametrize("name", ["a", "a-", "a1-b2", "a" * 31])
def test_names_that_are_right(tmp_path: Path, name: str) -> None:
    assert parse_system(written(tmp_path, examples.values() | {"name": name})).name == name


@pytest.mark.parametrize("run", ["", "tasks", "tasks:", ":read", "a.b:c", "../a:b", "a:b:c", "a:1"])
def test_functions_that_are_wrong(tmp_path: Path, run: str) -> None:
    values = examples.values()
    values["sandbox"][0]["task"][0]["run"] = run
    [finding] = findings(written(tmp_path, values))
    assert finding.rule == "function-syntax"


KNOWN_KEYS = st.sampled_from(sorted({key for table in TABLES.values() for key in keys(table)}))
KNOWN_TABLES = st.recursive(
    VALUES | st.sampled_from(["ring", "four-slot", "uart", "1 KiB", 1, "a:b"]),
    lambda inner: st.dictionaries(KNOWN_KEYS, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@settings(deadline=None)  # Files are written, however long that takes.
@given(st.dictionaries(KNOWN_KEYS, KNOWN_TABLES, max_size=6))
def test_any_values_are_taken_or_refused_with_places(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    text = "".join(f"{key} = {toml.inline(value)}\n" for key, value in values.items())
    file = tmp_path_factory.getbasetemp() / "any-shape.toml"
    file.write_text(text, encoding="utf-8")
    document = read_document(file)
    try:
        parse_system(document)
    except DiagnosticsError as error:
        for finding in error.diagnostics:
            assert finding.message
            assert finding.fix
            assert finding.place.line or finding.rule == "key-missing"
