"""Each rule has an example that breaks it, and it alone, and the text that a person then sees.

An example is ``errors/<rule>.py``; after ``--`` in its name stands the case, if a rule has several.
The text that is expected has the same name and ends in ``.txt``. ``errors/console.py`` is what some
examples import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import questv.metal
from questv.diagnostics import DiagnosticsError
from questv.metal.definitions import forget
from questv.metal.stack import StackDepths
from questv.metal.units import UnitCompiler

from .loading import Workshop

ERRORS = Path(__file__).parent / "errors"
CASES = sorted(file.stem for file in ERRORS.glob("*.txt"))

RULE_ARGUMENT = {
    "error": 1,
    "note": 1,
    "_note": 2,
    "_refusal": 0,
    "_RefusedError": 0,
    "LayoutError": 0,
    "SignatureError": 1,
    "Diagnostic": 3,
}
"""Which argument names the rule, in each call by which the compiler makes a diagnostic."""


@pytest.fixture(autouse=True)
def _in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are named as a person there would, so that places have no absolute path."""
    monkeypatch.chdir(ERRORS)
    monkeypatch.syspath_prepend(str(ERRORS))


def build(*modules: str) -> None:
    """What a build does with metal modules, up to linking."""
    StackDepths(UnitCompiler(checks=True).compile(modules).values())


def compiler_rules() -> set[str]:
    """Every rule that the compiler's source names."""
    return {
        rule for file in Path(questv.metal.__path__[0]).rglob("*.py") for rule in rules_in(file)
    }


def rules_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            index = RULE_ARGUMENT.get(name or "", len(node.args))
            rule = node.args[index] if index < len(node.args) else None
            if isinstance(rule, ast.Constant):
                yield str(rule.value)


@pytest.mark.parametrize("case", CASES)
def test_example_gives_the_expected_text(case: str) -> None:
    with pytest.raises(DiagnosticsError) as raised:
        build(case)
    assert raised.value.render() + "\n" == Path(f"{case}.txt").read_text()
    assert {finding.rule for finding in raised.value.diagnostics} == {case.partition("--")[0]}


def test_every_rule_has_an_example() -> None:
    assert {case.partition("--")[0] for case in CASES} == compiler_rules()


def test_every_example_is_tested() -> None:
    assert {file.stem for file in ERRORS.glob("*.py")} == {*CASES, "console"}


def test_what_examples_import_is_right() -> None:
    build("console")


@pytest.mark.parametrize("case", CASES)
def test_every_finding_says_how_to_mend_it(case: str) -> None:
    lines = Path(f"{case}.txt").read_text().splitlines()
    assert len([line for line in lines if line.startswith("  fix: ")]) == len(
        [line for line in lines if line.endswith(f"[{case.partition('--')[0]}]")]
    )


def test_all_errors_of_all_modules_are_reported_in_one_run(workshop: Workshop) -> None:
    other = workshop.write("@metal\ndef low(value: u64) -> u8:\n    return value\n")
    main = workshop.write(
        f"import {other}\n"  # line 7
        "level: u8 = static(300)\n"
        "@metal\n"
        "def first(value: u32) -> u32:\n"
        "    a: u8 = 256\n"
        "    b = missing\n"
        "    if value:\n"
        "        a += value\n"
        "    match a:\n"
        "        case b:\n"
        "            return value / 2\n"
        "    return a + b\n"  # what is wrong with b has been said
        "@metal\n"
        "def second() -> u8:\n"
        f"    return {other}.low(1)\n"
    )
    with pytest.raises(DiagnosticsError) as raised:
        build(main)
    found = [(one.place.file.stem, one.place.line, one.rule) for one in raised.value.diagnostics]
    assert found == [
        (other, 9, "wrong-type"),
        (main, 8, "initial-value"),
        (main, 11, "literal-range"),
        (main, 12, "unknown-name"),
        (main, 13, "not-a-boolean"),
        (main, 16, "match-form"),
        (main, 17, "no-operator"),
    ]


def test_a_module_that_failed_to_import_can_be_mended(workshop: Workshop) -> None:
    name = workshop.write("@metal\ndef f() -> u8:\n    return 1\nlength = 1 // 0\n")
    for _ in range(2):
        with pytest.raises(DiagnosticsError, match="import-failed"):
            build(name)
    workshop.write("@metal\ndef f() -> u8:\n    return 1\n", name)
    build(name)


def test_a_module_that_does_not_exist() -> None:
    with pytest.raises(DiagnosticsError) as raised:
        build("nowhere")
    assert raised.value.render() == (
        "<nowhere>: importing 'nowhere' fails: ModuleNotFoundError: No module named 'nowhere'"
        " [import-failed]\n"
        "  fix: mend this: before a module is compiled, Python runs it"
    )


def test_two_modules_with_one_symbol(workshop: Workshop) -> None:
    text = '@metal(export="start")\ndef f() -> None:\n    pass\n'
    names = [workshop.write(text), workshop.write(text)]
    with pytest.raises(DiagnosticsError, match=f"taken already, at .*{names[0]}.py:8"):
        build(*names)
    forget(names[1])
