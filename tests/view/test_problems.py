from __future__ import annotations

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
