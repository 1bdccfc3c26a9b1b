from __future__ import annotations

import sys
from pathlib import Path

import pytest

from questv.cli.expectations import check_expectations
from questv.expect import Expectation, RunResult
from questv.inspect.report import ExpectationReport
from questv.interrupted import Interrupted
from tests.inspect.samples import report

from .typed import Questv, copied

HEAD = "from questv.expect import Expectation, RunResult\n"


def checked(folder: Path, source: str, **inputs: Path) -> tuple[ExpectationReport, ...]:
    (folder / "expect.py").write_text(HEAD + source)
    return check_expectations(folder, "expect:check", RunResult(report(), inputs))


def test_expectations_are_asked_of_the_function(tmp_path: Path) -> None:
    source = (
        "def check(run):\n"
        "    lines = [line.text for line in run.console('left')]\n"
        "    yield Expectation('lines', lines == ['one', 'two'], str(lines))\n"
        "    yield Expectation('file', run.inputs['file'].read_text() == 'x')\n"
        "    yield Expectation('never', run.report.system != 'sample', 'it is called sample')\n"
    )
    file = tmp_path / "x"
    file.write_text("x")
    assert checked(tmp_path, source, file=file) == (
        ExpectationReport(name="lines", met=True, detail="['one', 'two']"),
        ExpectationReport(name="file", met=True, detail=""),
        ExpectationReport(name="never", met=False, detail="it is called sample"),
    )


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("def check(run):\n    return 1 // 0\n", "ZeroDivisionError: integer"),
        ("def check(run):\n    run.console('nobody')\n", "KeyError: 'nobody' (expect.py:3)"),
        ("def check(run):\n    return [True]\n", "TypeError: expect:check gives a bool, not an E"),
        ("def check(run):\n    pass\n", "TypeError: 'NoneType' object is not iterable"),
        ("import missing_module\n", "ModuleNotFoundError: No module named 'missing_module'"),
        ("def check():\n    return []\n", "TypeError: check() takes 0 positional arguments"),
        ("def check(run):\n    raise SystemExit(0)\n", "SystemExit: 0 (expect.py:3)"),
        ("def check(run):\n    raise BaseException('x')\n", "BaseException: x (expect.py:3)"),
        ("def check(run):\n    raise ValueError('\\udc80')\n", "ValueError: \\udc80 (expect.py:3)"),
        ("x = 1\n", "AttributeError: module 'expect' has no attribute 'check'"),
    ],
)
def test_an_error_is_an_expectation_that_is_not_met(
    source: str, detail: str, tmp_path: Path
) -> None:
    (found,) = checked(tmp_path, source)
    assert (found.name, found.met) == ("expect:check", False)
    assert found.detail.startswith(detail)


def test_what_came_before_an_error_counts(tmp_path: Path) -> None:
    source = "def check(run):\n    yield Expectation('first', True)\n    raise OSError('gone')\n"
    first, second = checked(tmp_path, source)
    assert (first.name, first.met) == ("first", True)
    assert second.detail == "OSError: gone (expect.py:4)"


def test_names_of_files_that_are_no_text(tmp_path: Path) -> None:
    source = "def check(run):\n    yield Expectation('a\\udc80', True, '\\udcff')\n"
    assert checked(tmp_path, source) == (
        ExpectationReport(name="a\\udc80", met=True, detail="\\udcff"),
    )


def test_an_interruption_is_not_one_of_its_errors(tmp_path: Path) -> None:
    source = (
        "from questv.interrupted import Interrupted\ndef check(run):\n    raise Interrupted(2)\n"
    )
    with pytest.raises(Interrupted):
        checked(tmp_path, source)


def test_modules_beside_it_can_be_imported_and_are_forgotten(tmp_path: Path) -> None:
    path, modules = list(sys.path), dict(sys.modules)
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "beside_the_check.py").write_text(f"VALUE = {number}\n")
        source = (
            "import beside_the_check\n"
            "def check(run):\n"
            f"    yield Expectation('own', beside_the_check.VALUE == {number})\n"
        )
        assert [each.met for each in checked(folder, source)] == [True]
    assert sys.path == path
    assert set(sys.modules) - set(modules) == set()


def test_what_it_prints_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked(tmp_path, "def check(run):\n    print('looking')\n    return []\n")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "looking\n")


def test_an_unknown_sandbox_has_no_console() -> None:
    result = RunResult(report(), {})
    assert [line.text for line in result.console("left")] == ["one", "two"]
    with pytest.raises(KeyError):
        result.console("nobody")
    assert Expectation("name", True).detail == ""


# ---- as a run shows them ---------------------------------------------------------------------


def test_met(questv: Questv, tmp_path: Path) -> None:
    said = questv("run", copied("files", tmp_path))
    assert said.code == 0 and said.err == "looking at the run\n"
    assert (
        "\nExpectations\n"
        "  met  left   left 0 bytes, sum 0\n"
        "  met  right  right 0 bytes, sum 0\n"
        "\nended as planned, 2 expectations met\n"
    ) in said.out


def test_not_met(questv: Questv, tmp_path: Path) -> None:
    system = copied("files", tmp_path)
    file = system / "expect.py"
    file.write_text(file.read_text().replace("sum(contents)", "sum(contents) + 1"))
    said = questv("run", system)
    assert said.code == 1
    assert "\n  NOT MET  left   left 0 bytes, sum 1\n" in said.out
    assert "\nfailed: 2 of 2 expectations not met\n" in said.out
    said = questv("run", system, "--json")
    assert (said.code, [each["met"] for each in said.json["expectations"]]) == (1, [False, False])


def test_raising(questv: Questv, tmp_path: Path) -> None:
    system = copied("files", tmp_path)
    (system / "expect.py").write_text("def check(run):\n    raise ValueError('no [idea]')\n")
    said = questv("run", system)
    assert said.code == 1
    assert "\n  NOT MET  expect:check  ValueError: no [idea] (expect.py:2)\n" in said.out


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import nowhere\n",
            "1:1: importing expect.py fails here: ModuleNotFoundError: No module named 'nowhere' "
            "[expect-invalid]\n    import nowhere\n    ^^^^^^^^^^^^^^\n"
            "  fix: mend this: it is imported before a run\n",
        ),
        (
            "def check():\n    return []\n",
            "2:1: check does not take a run alone [expect-invalid]\n"
            "    def check():\n    ^^^^^^^^^^^^\n"
            "  fix: declare it: def check(run: RunResult) -> Iterator[Expectation]\n",
        ),
    ],
)
def test_a_check_that_cannot_work_is_known_before_the_run(
    source: str, said: str, questv: Questv, tmp_path: Path
) -> None:
    system = copied("files", tmp_path)
    tail = "" if "def check" in source else "def check(run):\n    return []\n"
    (system / "expect.py").write_text(f"{source}{tail}" if tail else f"\n{source}")
    for command in ("check", "run"):
        found = questv(command, system)
        assert (found.code, found.out) == (2, "")
        assert found.err == f"{system}/expect.py:{said}\n1 error\n"
