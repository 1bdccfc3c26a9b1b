from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from questv.machine import Machine, MachineKind, MachineOptions, memory_size
from questv.plan.build import build

from .typed import EXAMPLES, SYSTEMS, Process, Questv, copied

ENDLESS = SYSTEMS / "endless"


def test_a_running_machine_by_name_process_or_alone(questv: Questv) -> None:
    with Process("run", ENDLESS) as process:
        process.await_line("tick 3")
        for words in (["endless"], [process.pid], []):
            said = questv("inspect", *words)
            assert (said.code, said.err) == (0, "")
            lines = said.out.splitlines()
            assert lines[0] == f"endless, process {process.pid}"
            assert lines[1].startswith("machine: microvm, 2 cores, 16 MiB, TSC ")
            assert "interrupts: clock guarded, counter direct, through an x2APIC" in lines
            assert any(line.startswith("  clock       0  started") for line in lines)
            assert any("sleep  tasks:sleep  best effort, 10  sleeping" in line for line in lines)
            assert "Last lines" in lines and lines[-1].split()[1:3] == ["counter/count", "tick"]
        process.send(signal.SIGTERM)
        assert process.said().code == 143
    said = questv("inspect", "endless")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: no machine 'endless' runs\n  fix: start one: questv run SYSTEM\n"


def test_looking_again_shows_that_it_went_on(questv: Questv) -> None:
    with Process("run", ENDLESS) as process:
        process.await_line("tick 3")
        first = questv("inspect", "endless", "--json").json
        ticks = first["console"][1]["written"]
        process.await_line(f"tick {ticks + 1}")
        second = questv("inspect", "endless", "--json").json
        assert first["running"]["pid"] == process.pid
        assert first["system"] == "endless" and first["machine"]["asked"]["run_for"] is None
        counts = [each["channels"][0]["receiver"]["messages"] for each in (first, second)]
        assert 3 <= counts[0] < counts[1]
        written = [each["console"][1]["written"] for each in (first, second)]
        assert 3 <= written[0] < written[1]


def test_it_outlives_a_rebuild(questv: Questv, tmp_path: Path) -> None:
    system = copied("endless", tmp_path)
    image = tmp_path / "image.elf"
    questv("build", system, "-o", image)
    with Process("run", image) as process:
        process.await_line("tick 3")
        image.write_bytes(build(EXAMPLES / "hello").image)
        assert "  counter  count  tasks:count " in questv("inspect", "endless").out


def test_several_machines(questv: Questv) -> None:
    with Process("run", ENDLESS) as one, Process("run", ENDLESS) as two:
        for process in (one, two):
            process.await_line("tick 3")
        for words in ([], ["endless"]):
            said = questv("inspect", *words)
            assert said.code == 2
            assert said.out.splitlines()[0].split() == ["name", "process", "started"]
            assert said.out.splitlines()[-1] == "several machines run; name one by its process"
            found = [line.split()[:2] for line in said.out.splitlines()[1:3]]
            assert {tuple(each) for each in found} == {
                ("endless", str(one.pid)),
                ("endless", str(two.pid)),
            }
        listed = questv("inspect", "--json").json
        assert {entry["pid"] for entry in listed} == {one.pid, two.pid}
        assert questv("inspect", two.pid).out.startswith(f"endless, process {two.pid}\n")
        said = questv("inspect", "endles")
        assert said.code == 2 and said.err.startswith("error: no machine 'endles' runs\n")
        assert '  fix: did you mean "endless"?\n' in said.err


def test_no_machine_runs(questv: Questv) -> None:
    said = questv("inspect")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: no machine runs\n  fix: start one: questv run SYSTEM\n"
    assert questv("inspect", "--json").json["errors"][0]["message"] == "no machine runs"


def test_machines_of_others_are_left_alone(questv: Questv, tmp_path: Path) -> None:
    """A machine that was not started by ``questv run`` has not said what it runs."""
    image = tmp_path / "image.elf"
    built = build(ENDLESS)
    image.write_bytes(built.image)
    memory = memory_size(MachineKind.MICROVM, built.plan.memory, built.plan.end)
    with Machine(MachineOptions(image=image, memory=memory, cores=2), name="other") as machine:
        assert questv("inspect").code == 2
        assert questv("inspect", "other").code == 2
        machine.publish("asked.json", b'{"written by": "another version"}')
        said = questv("inspect", "other")
        assert said.code == 2
        assert said.err.startswith("error: the machine other was started by another version of Q")


def test_a_report(questv: Questv, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    ran = questv("run", SYSTEMS / "files", "--report", file)
    said = questv("inspect", file)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "files" and lines[1].startswith("image: SHA-256 ")
    assert lines[-1] == "ended as planned, 2 expectations met"
    for part in ("Sandboxes", "Tasks", "Expectations"):
        section = said.out.partition(f"\n\n{part}")[2].partition("\n\n")[0]
        assert section and f"\n\n{part}{section}\n\n" in ran.out  # the same as after the run
    assert questv("inspect", file, "--json").json == json.loads(file.read_text())


def test_a_report_of_a_crash(questv: Questv, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    system = copied("faults", tmp_path, bind="{ fault = 1, argument = 0 }")
    questv("run", system, "--report", file)
    said = questv("inspect", file)
    assert said.code == 0
    assert "\n\nculprit panicked: nothing makes sense [any more]\n  in task misbehave" in said.out
    assert said.out.endswith("\nfailed: culprit crashed\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.json", "can't read missing.json: No such file or directory"),
        ("other.json", "other.json is no report of a run"),
        ("binary", "binary is no report of a run"),
        ("nothing", "no machine 'nothing' runs"),
    ],
)
def test_what_is_no_report(
    name: str, message: str, questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text('{"name": "hello"}')
    Path("binary").write_bytes(bytes(range(256)))
    said = questv("inspect", name)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {message}\n  fix: ")
