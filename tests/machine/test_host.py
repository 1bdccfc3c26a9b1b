from __future__ import annotations

from pathlib import Path

import pytest

from questv.machine import State, find_qemu, host_checks, packages

from .test_qemu import fake_qemu


def found(name: str) -> tuple[State, str, str]:
    (check,) = [check for check in host_checks() if check.name == name]
    return check.state, check.found, check.fix


def test_every_fact_of_a_host_that_runs_these_tests() -> None:
    checks = host_checks()
    assert [check.name for check in checks] == [
        *("Python", "QEMU", "SVM", "x2APIC", "plugins", "firmware", "setpriv", "GNU ld"),
        *("gdb", "room", "cores", "KVM"),
    ]
    needed = ("Python", "QEMU", "SVM", "firmware", "setpriv", "room", "KVM")
    assert all(check.state is State.OK for check in checks if check.name in needed)
    assert all(check.found for check in checks)
    assert all((check.fix == "") == (check.state is State.OK) for check in checks)


def test_an_older_qemu_is_a_drawback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qemu = fake_qemu(tmp_path, (7, 2, 0), svm=True, npt=True, x2apic=False)
    monkeypatch.setenv("QUESTV_QEMU", str(qemu))
    assert found("QEMU")[:2] == (State.OK, f"7.2.0, {qemu}")
    state, _, fix = found("x2APIC")
    assert state is State.WARNING
    assert fix.startswith("get QEMU 9 or newer: ")
    assert found("plugins")[::2] == (State.WARNING, fix)
    assert found("firmware")[0] is State.MISSING


def test_an_empty_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUESTV_QEMU", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {check.name for check in host_checks() if check.state is State.MISSING}
    assert missing == {"QEMU", "setpriv", "GNU ld"}
    assert found("gdb")[0] is State.WARNING
    assert not {check.name for check in host_checks()} & {"SVM", "x2APIC", "firmware"}


def test_another_linker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linker = tmp_path / "ld"
    linker.write_text("#!/bin/sh\necho 'LLD 15.0 (compatible with GNU linkers)'\n")
    linker.chmod(0o755)
    monkeypatch.setenv("QUESTV_QEMU", str(find_qemu().path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/nonexistent")
    state, what, fix = found("GNU ld")
    assert (state, what) == (State.MISSING, f"{linker} is another linker")
    assert "binutils" in fix


def test_a_host_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questv.machine.host.free_room", lambda root: 5 << 20)
    state, what, fix = found("room")
    assert state is State.MISSING
    assert what.startswith("5 MiB in ")
    assert "free 64 MiB there" in fix


@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
@pytest.mark.parametrize("codename", ["bookworm", "trixie"])
def test_commands_to_install(
    monkeypatch: pytest.MonkeyPatch, user: int, sudo: str, codename: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": codename})
    assert packages.install("binutils") == f"{sudo}apt install binutils"
    expected = f"{sudo}apt install qemu-system-x86"
    if codename == "bookworm":
        expected = (
            "echo 'deb http://deb.debian.org/debian bookworm-backports main'"
            f" | {sudo}tee /etc/apt/sources.list.d/bookworm-backports.list"
            f" && {sudo}apt update && {sudo}apt install -t bookworm-backports qemu-system-x86"
        )
    assert packages.install_qemu() == expected


def test_a_system_without_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert packages.install("binutils") == (
        "install what Debian calls binutils with this system's package manager"
    )
