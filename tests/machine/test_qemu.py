from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from questv.machine import Machine, MachineError, MachineOptions, Qemu, find_qemu

from . import guest


def fake_qemu(directory: Path, version: tuple[int, int, int], **features: bool) -> Path:
    """A program that answers as a QEMU of ``version`` whose CPU has ``features``."""
    major, minor, micro = version
    answers: tuple[object, ...] = (
        {"QMP": {"version": {"qemu": {"major": major, "minor": minor, "micro": micro}}}},
        {"return": {}},
        {"return": {"model": {"name": "max", "props": features}}},
        {"return": {}},
    )
    lines = "\n".join(map(json.dumps, answers))
    path = directory / f"qemu-{major}.{minor}.{micro}"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\ncat << 'END'\n{lines}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_qemu_of_this_host() -> None:
    qemu = find_qemu()
    said = subprocess.run([qemu.path, "--version"], capture_output=True, text=True).stdout
    assert f"version {'.'.join(map(str, qemu.version))} " in said


def test_the_guest_has_what_qemu_says(options: Callable[..., MachineOptions]) -> None:
    code = (
        guest.load(guest.EAX, 1)
        + guest.CPUID
        + guest.store(guest.RESULT, guest.ECX)
        + guest.load(guest.EAX, 0x80000001)
        + guest.CPUID
        + guest.store(guest.RESULT + 4, guest.ECX)
        + guest.leave(0)
    )
    with Machine(options(code)) as machine:
        machine.wait(10)
        basic, extended = machine.memory.view(guest.RESULT, 8).cast("I")
    assert bool(basic >> 21 & 1) == find_qemu().has_x2apic
    assert bool(extended >> 2 & 1) == find_qemu().has_svm


def test_the_environment_names_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fake_qemu(tmp_path, (7, 2, 0), svm=True, npt=True, x2apic=False)
    monkeypatch.setenv("QUESTV_QEMU", str(path))
    qemu = find_qemu()
    assert (qemu.path, qemu.version) == (path, (7, 2, 0))
    assert (qemu.has_svm, qemu.has_x2apic) == (True, False)


def test_svm_counts_only_with_nested_paging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_qemu(tmp_path, (11, 0, 0), svm=True, npt=False, x2apic=True)
    monkeypatch.setenv("QUESTV_QEMU", str(path))
    assert (find_qemu().has_svm, find_qemu().has_x2apic) == (False, True)


def test_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTV_QEMU", str(fake_qemu(tmp_path, (7, 1, 9))))
    with pytest.raises(MachineError, match=r"is QEMU 7\.1\.9; Quest-V needs 7\.2 or newer") as e:
        find_qemu()
    assert "qemu-system-x86" in e.value.fix


def test_another_file_in_its_place_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_qemu(tmp_path, (8, 0, 0))
    monkeypatch.setenv("QUESTV_QEMU", str(path))
    assert find_qemu().version == (8, 0, 0)
    fake_qemu(tmp_path, (9, 0, 0)).replace(path)
    assert find_qemu().version == (9, 0, 0)


def test_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUESTV_QEMU", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no qemu-system-x86_64 on this host"):
        find_qemu()


def test_the_environment_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTV_QEMU", "/nonexistent/qemu")
    with pytest.raises(MachineError, match="QUESTV_QEMU names /nonexistent/qemu") as e:
        find_qemu()
    assert "unset it" in e.value.fix


@pytest.mark.parametrize("script", ["#!/bin/sh\necho no", "#!/bin/sh\necho '{}'", "no program"])
def test_not_a_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = tmp_path / "other"
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("QUESTV_QEMU", str(path))
    with pytest.raises(MachineError, match="does not answer as QEMU does"):
        find_qemu()


@pytest.mark.parametrize(
    ("version", "built_in", "can"),
    [((9, 0, 0), True, True), ((8, 2, 1), True, False), ((10, 0, 0), False, False)],
)
def test_only_newer_plugins_count(version: tuple[int, int, int], built_in: bool, can: bool) -> None:
    qemu = Qemu(Path("qemu"), version, has_x2apic=True, has_svm=True, has_plugins=built_in)
    assert qemu.can_count == can
