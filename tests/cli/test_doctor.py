from __future__ import annotations

import pytest

from questv.machine import Check, State

from .typed import Questv


def test_this_host(questv: Questv) -> None:
    said = questv("doctor")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].split() == ["check", "state", "found"]
    assert any(line.split()[:2] == ["QEMU", "ok"] for line in lines)
    checks = questv("doctor", "--json").json
    assert [check["name"] for check in checks] == [
        line.split("  ")[0] for line in lines[1 : len(checks) + 1]
    ]


def test_something_is_missing(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [
        Check("QEMU", State.MISSING, "not found", "apt install qemu-system-x86"),
        Check("x2APIC", State.WARNING, "not emulated", "use QEMU 9 or newer"),
    ]
    monkeypatch.setattr("questv.cli.doctor.host_checks", lambda: checks)
    said = questv("doctor")
    assert (said.code, said.err) == (1, "")
    assert said.out == (
        "check   state    found\n"
        "QEMU    missing  not found\n"
        "x2APIC  warning  not emulated\n"
        "\n"
        "To mend it:\n"
        "QEMU: apt install qemu-system-x86\n"
        "x2APIC: use QEMU 9 or newer\n"
    )
    said = questv("doctor", "--json")
    assert said.code == 1
    assert said.json[0] == {
        "name": "QEMU",
        "state": "missing",
        "found": "not found",
        "fix": "apt install qemu-system-x86",
    }
    monkeypatch.setattr("questv.cli.doctor.host_checks", lambda: checks[1:])
    assert questv("doctor").code == 0
