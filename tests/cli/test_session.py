"""Runs that do not come to their planned end."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from questv.cli import session, start
from questv.inspect.report import Outcome, RunReport
from questv.machine import MachineOptions
from tests.machine import guest

from .typed import EXAMPLES, SYSTEMS, Questv

HELLO = EXAMPLES / "hello"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PATIENCE", 0.3)


def booting(folder: Path, code: bytes) -> Path:
    """The image of hello, but that ``code`` is run instead of its boot."""
    from questv.plan.build import build

    image = bytearray(build(HELLO).image)
    elf = ELFFile(io.BytesIO(image))
    entry = elf.header.e_entry
    (offset,) = elf.address_offsets(entry)
    image[offset : offset + len(code)] = code
    file = folder / "image.elf"
    file.write_bytes(image)
    return file


def test_a_machine_that_lacks_what_is_needed(
    questv: Questv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(start, "MachineOptions", functools.partial(MachineOptions, cpu="EPYC,-svm"))
    report = tmp_path / "run.json"
    said = questv("run", HELLO, "--report", report)
    assert said.code == 1
    assert said.err.startswith("boot failed: ") and "SVM" in said.err
    assert said.err.count("\n") == 1
    assert "Sandboxes" not in said.out  # there never were any
    found = RunReport.model_validate_json(report.read_text())
    assert (found.outcome, found.expectations) == (Outcome.BOOT_FAILED, ())
    assert f"boot failed: {found.detail}\n" == said.err
    said = questv("inspect", report)
    assert said.code == 0 and said.out.endswith(f"\nboot failed: {found.detail}\n")


def test_no_x2apic_costs_exits_and_that_is_said(
    questv: Questv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        start, "MachineOptions", functools.partial(MachineOptions, cpu="EPYC,+svm,+npt")
    )
    said = questv("run", HELLO)
    assert said.code == 0
    assert "\ninterrupts: guarded; this machine has no x2APIC: the timer and the end" in said.out
    assert " apic" in said.out.partition("\nSandboxes")[2]


@pytest.mark.usefixtures("impatient")
def test_a_boot_that_stays_silent_is_given_up(questv: Questv, tmp_path: Path) -> None:
    image = booting(tmp_path, guest.SPIN)
    said = questv("run", image)
    assert said.code == 1
    assert said.err == "hung: the boot is not over after 0 s; it has said nothing\n"
    report = RunReport.model_validate_json(questv("run", image, "--json").out)
    assert (report.outcome, report.machine.found) == (Outcome.HUNG, None)


@pytest.mark.usefixtures("impatient")
def test_its_last_words_are_told(questv: Questv, tmp_path: Path) -> None:
    said = questv("run", booting(tmp_path, guest.say("questv: so\r\nfar \x1b[2J") + guest.HALT))
    assert said.err == "hung: the boot is not over after 0 s; its last words: so far \\x1b[2J\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (guest.leave(0x11), "boot failed: it did not say why\n"),
        (guest.say("questv: no [cores]") + guest.leave(0x11), "boot failed: no [cores]\n"),
        (guest.TRIPLE_FAULT, "machine failed: "),
        (guest.leave(0x42), "machine failed: "),
    ],
)
def test_other_ends(code: bytes, message: str, questv: Questv, tmp_path: Path) -> None:
    said = questv("run", booting(tmp_path, code))
    assert said.code == 1
    assert said.err.startswith(message) and said.err.count("\n") == 1


@pytest.mark.usefixtures("impatient")
def test_a_kernel_that_does_not_end_in_time(
    questv: Questv, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The machine is not told of its limit, so that nothing but the host can end it.
    monkeypatch.setattr(start.StartOptions, "command_line", lambda *_: "")
    said = questv("run", SYSTEMS / "endless", "--for", "100ms")
    assert said.code == 1
    assert "\nhung: its time was over 0 s ago, and it still runs\n" in said.out
    assert "  counter  count  tasks:count " in said.out  # what is known of it is shown


def test_a_deterministic_kernel_that_does_not_end_in_time(
    questv: Questv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above; the time that counts is the machine's own, which goes by fast where all sleep."""
    monkeypatch.setattr(session, "CLOCK_INTERVAL", 0.1)
    monkeypatch.setattr(session.StartOptions, "command_line", lambda *_: "metronome=10000000")
    said = questv("run", SYSTEMS / "endless", "--for", "100ms", "--deterministic")
    assert said.code == 1
    assert "\nhung: by its own clock its time is over, and it still runs\n" in said.out


def test_a_machine_that_cannot_be_started(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        start, "MachineOptions", functools.partial(MachineOptions, extra=("-nonsense",))
    )
    said = questv("run", HELLO)
    assert said.code == 1
    assert said.err.startswith("error: QEMU can't start the machine: ")
    assert "nonsense" in said.err and "\n  fix: " in said.err


def test_no_qemu(questv: Questv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = questv("run", HELLO)
    assert said.code == 1 and said.err.startswith("error: ") and "\n  fix: " in said.err
