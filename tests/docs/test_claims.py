"""The page of claims names tests and commands that exist."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from pathlib import Path

import pytest
import typer

from benchmarks.__main__ import PARTS
from questv.cli.app import app

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")


def claims(page: str) -> list[tuple[str, str]]:
    """The claims of a page, each with its text: its name, and all up to the next one."""
    return re.findall(r"^- \*\*`([^`]*)`\*\*(.*?)(?=^- \*\*`|^## |\Z)", page, re.S | re.M)


def problems(page: str) -> list[str]:
    """What is wrong with a page of claims."""
    found = []
    names = [name for name, _ in claims(page)]
    found += [f"{name}: twice" for name in sorted(set(names)) if names.count(name) > 1]
    for name, text in claims(page):
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            found.append(f"{name}: no plain name")
        said, where, rest = text.partition("*Where:*")
        where, held, by = rest.partition("*Held by:*")
        references = re.findall(r"`([^`]+)`", by)
        if not (said.strip(": \n") and where.strip() and held and references):
            found.append(f"{name}: lacks what is claimed, where, or by what it is held")
        found += [f"{name}: {trouble}" for each in references if (trouble := missing(each))]
    return found


def missing(reference: str) -> str:
    """What a test or a command lacks to exist; empty if nothing."""
    reference = " ".join(reference.split())
    if reference.startswith("tests/"):
        file, _, function = reference.partition("::")
        if not (ROOT / file).is_file():
            return f"there is no file {file}"
        return "" if function in functions_of(file) else f"{file} has no test {function}"
    first, *words = reference.split()
    if first == "questv" and words:
        return missing_command(words[0], words[1:])
    if first == "python" and words[:1] == ["-m"] and len(words) > 1:
        return missing_module(words[1], words[2:])
    return f"{reference} is neither a test nor a command"


@functools.cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return {name for name in functions if name.startswith("test_")}


def missing_command(name: str, words: list[str]) -> str:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    if name not in commands:
        return f"there is no command questv {name}"
    options = {option for parameter in commands[name].params for option in parameter.opts}
    for word in words:
        if word.startswith("-") and word not in options:
            return f"questv {name} has no option {word}"
        if not word.startswith("-") and not (ROOT / word).exists():
            return f"there is no {word}"
    return ""


def missing_module(name: str, words: list[str]) -> str:
    if importlib.util.find_spec(name) is None:
        return f"there is no module {name}"
    if name == "benchmarks" and (unknown := set(words) - PARTS.keys()):
        return f"the benchmarks have no part {', '.join(sorted(unknown))}"
    return ""


def test_everything_that_is_named_exists() -> None:
    assert len(claims(PAGE)) > 30
    assert problems(PAGE) == []


def test_no_entry_is_overlooked() -> None:
    """Each item below the headings of claims is one that the tests above have read."""
    parts = PAGE.split("\n## ")[2:]
    items = [line for part in parts for line in part.splitlines() if line.startswith("- ")]
    assert len(items) == len(claims(PAGE)) == PAGE.count("*Held by:*") == PAGE.count("*Where:*")


@pytest.mark.parametrize(
    ("references", "problem"),
    [
        ("`tests/nothing.py::test_it`", "a: there is no file tests/nothing.py"),
        (
            "`tests/docs/test_claims.py::test_it`",
            "a: tests/docs/test_claims.py has no test test_it",
        ),
        ("`tests/docs/test_claims.py`", "a: tests/docs/test_claims.py has no test "),
        ("`questv fly`", "a: there is no command questv fly"),
        ("`questv check --nothing`", "a: questv check has no option --nothing"),
        ("`questv run examples/nothing`", "a: there is no examples/nothing"),
        ("`python -m nothing`", "a: there is no module nothing"),
        ("`python -m benchmarks weight`", "a: the benchmarks have no part weight"),
        ("`make test`", "a: make test is neither a test nor a command"),
        ("nothing", "a: lacks what is claimed, where, or by what it is held"),
    ],
)
def test_what_is_missing_is_noticed(references: str, problem: str) -> None:
    page = f"## Claims\n\n- **`a`**: It holds.\n  *Where:* here.\n  *Held by:* {references}.\n"
    assert problems(page) == [problem]


def test_names_are_unique_and_plain() -> None:
    claim = "- **`{}`**: It holds.\n  *Where:* here.\n  *Held by:* `questv check`.\n"
    assert problems(claim.format("a") + claim.format("a")) == ["a: twice"]
    assert problems(claim.format("A b")) == ["A b: no plain name"]


def test_the_page_is_in_the_documentation() -> None:
    assert "docs/claims.md" in (ROOT / "README.md").read_text(encoding="utf-8")
