from __future__ import annotations

from pathlib import Path

import pytest

from questv.inspect.report import Outcome, RunReport

from .typed import EXAMPLES, SYSTEMS, Questv, copied

HELLO = EXAMPLES / "hello"


def test_hello(questv: Questv) -> None:
    said = questv("run", HELLO)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "hello: 2 sandboxes, 2 cores, 2 channels, 16 MiB of memory"
    assert lines[1].startswith("machine: microvm, 2 cores, 16 MiB, TSC ")
    assert lines[2].startswith("interrupts: guarded")
    start = lines.index("") + 1
    console = lines[start : lines.index("", start)]
    rounds = [line for line in console if "  ping  round " in line]
    assert len(console) == 11 and len(rounds) == 10
    assert "  pong  pong has had enough" in "\n".join(console)
    times = [float(line.split()[0]) for line in rounds]
    assert times == sorted(times)
    assert lines[-2] == "ended as planned"
    assert lines[-1].startswith("the machine ran for ") and lines[-1].endswith(" s")
    for name, numbers in {"  there   ping ": "10 80", "    ring  pong ": "10 80"}.items():
        row = next(line for line in lines if line.startswith(name))
        assert " ".join(row[len(name) :].split()).startswith(numbers)


def test_the_demo_finds_out_about_a_file(questv: Questv, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("to be or not to be\n" * 50)
    said = questv("run", EXAMPLES / "demo", "--input", f"file={file}")
    assert (said.code, said.err) == (0, "")
    assert "  report/gather   950 bytes, 50 lines, 300 words, 4 different" in said.out
    assert "  report/gather   100 times " in said.out
    assert "NOT MET" not in said.out
    assert "\nended as planned, " in said.out and " expectations met\n" in said.out


def test_a_time_limit(questv: Questv) -> None:
    said = questv("run", SYSTEMS / "endless", "--for", "400ms")
    assert (said.code, said.err) == (0, "")
    assert "\nrun: for 0.4 s\n" in said.out
    assert "\ninterrupts: clock guarded, counter direct, through an x2APIC\n" in said.out
    assert "waiting for ticks " in said.out
    assert said.out.splitlines()[-2] == "ended as planned"


def test_an_image_runs_as_its_system_does(questv: Questv, tmp_path: Path) -> None:
    image = tmp_path / "files.elf"
    questv("build", SYSTEMS / "files", "-o", image)
    said = questv("run", image, "--input", f"left={SYSTEMS / 'files' / 'system.toml'}")
    assert (said.code, said.err) == (0, "")
    size = (SYSTEMS / "files" / "system.toml").stat().st_size
    assert f"  left {size} bytes, sum " in said.out
    assert "Expectations" not in said.out  # they are in the system's folder
    assert said.out.splitlines()[-3:-1] == [
        "ended as planned",
        "an image carries no expectations: nothing was checked",
    ]


def test_what_is_no_whole_image(questv: Questv, tmp_path: Path) -> None:
    whole = tmp_path / "whole.elf"
    questv("build", HELLO, "-o", whole)
    contents = whole.read_bytes()
    part = tmp_path / "part.elf"
    for length in (4, 20, 64, 5000, len(contents) // 2, len(contents) - 1):
        part.write_bytes(contents[:length])
        said = questv("run", part)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {part} is no whole image of Quest-V\n  fix: build it")
    said = questv("run", "/bin/true")
    assert said.code == 2 and said.err.startswith(
        "error: /bin/true carries no description\n  fix: "
    )
    said = questv("run", whole, "--checks")
    assert said.code == 2 and "has been built already" in said.err


@pytest.mark.parametrize("kind", ["microvm", "q35"])
def test_deterministic_runs_have_the_same_report(kind: str, questv: Questv, tmp_path: Path) -> None:
    reports = []
    for name in ("one.json", "two.json"):
        file = tmp_path / name
        words = ["--deterministic", "--machine", kind, "--report", file]
        said = questv("run", HELLO, *words)
        assert said.code == 0 and "\nrun: deterministic\n" in said.out
        reports.append(file.read_bytes())
    assert reports[0] == reports[1]
    report = RunReport.model_validate_json(reports[0])
    assert (report.machine.asked.kind, report.outcome) == (kind, Outcome.ENDED)
    assert str(tmp_path).encode() not in reports[0]


def test_deterministic_runs_read_the_same_files(questv: Questv, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(100)))
    words = ["--deterministic", "--json", "--input", f"right={tmp_path / 'a'}"]
    first, second = (questv("run", SYSTEMS / "files", *words) for _ in range(2))
    assert first.out == second.out
    assert first.json["inputs"] == [{"name": "right", "bytes": 100}]


def test_json_and_nothing_else(questv: Questv) -> None:
    said = questv("run", HELLO, "--json")
    report = RunReport.model_validate_json(said.out)
    assert said.code == 0 and report.succeeded
    assert {each.sandbox: len(each.lines) for each in report.console} == {"ping": 10, "pong": 1}
    assert "  ping  round 9" in said.err and "\nended as planned\n" in said.err  # for people


def test_a_report_has_everything_but_the_host(questv: Questv, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    assert questv("run", HELLO, "--report", file).code == 0
    report = RunReport.model_validate_json(file.read_text())
    ping, pong = report.sandboxes
    assert (ping.state, ping.interrupts, pong.state) == ("finished", "guarded", "finished")
    assert ping.exits.before["hypercall"] > 0
    assert set(ping.exits.after) == set(ping.exits.before)
    there = report.channels[0]
    assert (there.sender.messages, there.sender.bytes, there.receiver.messages) == (10, 80, 10)
    assert report.machine.found is not None and report.machine.found.cores == 2
    assert len(report.image) == 64
    assert report.console[0].lines[0].text.startswith("round 0")


def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    questv: Questv, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", tmp_path / "no" / "run.json"):
        said = questv("run", HELLO, "--report", target)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: can't write {target}: ")


def test_a_debug_build(questv: Questv) -> None:
    said = questv("run", HELLO, "--checks")
    assert said.code == 0
    assert said.out.startswith("hello: 2 sandboxes, 2 cores, 2 channels, 16 MiB of memory, with c")


def test_lines_that_nobody_could_read_are_counted(questv: Questv) -> None:
    said = questv("run", SYSTEMS / "chatty", "--json")
    assert said.code == 0
    (console,) = said.json["console"]
    numbers = [line["number"] for line in console["lines"]]
    assert console["written"] == 5000 == len(numbers) + console["lost"]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 5000
    assert all(line["text"] == f"line {line['number']}" for line in console["lines"])
    lost = [line for line in said.err.splitlines() if "lost: written faster than read" in line]
    told = [int(line.partition("(")[2].split()[0].replace(",", "")) for line in lost]
    assert sum(told) == console["lost"]


def test_a_deterministic_run_reports_the_last_lines(questv: Questv) -> None:
    (console,) = questv("run", SYSTEMS / "chatty", "--deterministic", "--json").json["console"]
    assert (console["written"], console["lost"]) == (5000, 5000 - 64)
    assert [line["number"] for line in console["lines"]] == list(range(4937, 5001))


@pytest.mark.parametrize(
    ("time", "problem"),
    [
        ("5x", "'5x' is not a time"),
        ("", "'' is not a time"),
        ("-1", "'-1' is not a time"),
        ("0", "a run can't last 0"),
        ("9999999m", "a run can't last 9999999m"),
    ],
)
def test_what_is_no_time(time: str, problem: str, questv: Questv) -> None:
    said = questv("run", HELLO, "--for", time)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {problem}\n  fix: ")


def test_an_unknown_machine(questv: Questv) -> None:
    said = questv("run", HELLO, "--machine", "pc")
    assert said.code == 2 and "--machine" in said.err and "microvm" in said.err


def test_two_systems_at_once_do_not_meet(questv: Questv, tmp_path: Path) -> None:
    """The modules of two folders have the same names."""
    other = copied("files", tmp_path)
    assert questv("run", HELLO).code == 0
    assert questv("run", other).code == 0
    assert questv("run", HELLO).code == 0
