from __future__ import annotations

import re
from pathlib import Path

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.view.problems import diagnostics_view, problem_view

from .rendering import coloured, plain


def test_a_problem() -> None:
    assert plain(problem_view("there is no x", "make one")) == (
        "error: there is no x\n  fix: make one\n"
    )


def test_a_problem_stays_in_one_line() -> None:
    shown = plain(problem_view("a word " * 30 + "at the end", "mend it " * 30), width=40)
    assert shown.count("\n") == 2


def test_sentences_are_wrapped_on_a_terminal_and_source_lines_are_not(tmp_path: Path) -> None:
    file = tmp_path / "system.toml"
    file.write_text(f"key = {'1' * 50}\n")
    error = DiagnosticsError(
        [Diagnostic(Place(file, 1, 7, 50), "a word " * 9, "mend it " * 9, "x")]
    )
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured(diagnostics_view(error), width=40))
    lines = bare.splitlines()
    assert f"    key = {'1' * 50}" in lines and f"          {'^' * 50}" in lines
    rest = [line for line in lines if "111" not in line and "^" not in line]
    assert all(len(line) <= 40 for line in rest if str(tmp_path) not in line)
    assert "mend it mend it" in bare and bare.count("mend it") + bare.count("mend\n    it") == 9
    problem = coloured(problem_view("a word " * 9, "mend it " * 9), width=40)
    assert problem.count("\n") > 3


def test_diagnostics(tmp_path: Path) -> None:
    file = tmp_path / "system.toml"
    file.write_text('name = "x"\n\n  priority = 900\n')
    error = DiagnosticsError(
        [
            Diagnostic(Place(file, 3, 14, 3), "there is no priority 900", "lower it", "range"),
            Diagnostic(Place(file, 1, 8, 3), "[bad] name", "change it", "name"),
        ]
    )
    shown = plain(diagnostics_view(error))
    assert shown == (
        f"{file}:1:8: [bad] name [name]\n"
        '    name = "x"\n'
        "           ^^^\n"
        "  fix: change it\n"
        "\n"
        f"{file}:3:14: there is no priority 900 [range]\n"
        "    priority = 900\n"
        "               ^^^\n"
        "  fix: lower it\n"
        "\n"
        "2 errors\n"
    )
    assert "\x1b[31m           ^^^\x1b[0m\n" in coloured(diagnostics_view(error), width=30)


def test_one_error_is_counted_as_one(tmp_path: Path) -> None:
    error = DiagnosticsError([Diagnostic(Place(tmp_path), "it is not there", "make it", "rule")])
    assert plain(diagnostics_view(error)).endswith("\n\n1 error\n")
