from __future__ import annotations

import signal

import pytest

from questv.machine import Exit, ExitKind
from questv.machine.exits import decode_exit

WARNING = "qemu-system-x86_64: warning: TCG doesn't support requested feature: fxsr-opt\n"
ERROR = "qemu-system-x86_64: Trying to execute code outside RAM or ROM at 0xdeadbeef\n"


@pytest.mark.parametrize("value", [0, 1, 33, 127])
@pytest.mark.parametrize("reason", ["guest-shutdown", None])
def test_value_of_the_guest(value: int, reason: str | None) -> None:
    end = decode_exit(value << 1 | 1, reason, WARNING, stopped=False)
    assert end == Exit(ExitKind.GUEST, value, f"the guest ended the machine with {value}")


@pytest.mark.parametrize(
    ("code", "reason", "words", "stopped", "kind", "detail"),
    [
        (0, "guest-reset", "", False, ExitKind.RESET, "the guest reset the machine"),
        (0, "guest-shutdown", "", False, ExitKind.POWEROFF, "the guest turned the machine off"),
        (0, "host-signal", "", False, ExitKind.CRASHED, "QEMU ended with code 0 (host-signal)"),
        (2, None, "", False, ExitKind.CRASHED, "QEMU ended with code 2 (no reason given)"),
        (1, None, ERROR + WARNING, False, ExitKind.CRASHED, ERROR.strip()),
        (-signal.SIGKILL, None, "", True, ExitKind.STOPPED, "stopped from the host"),
        (-signal.SIGKILL, None, "", False, ExitKind.CRASHED, "QEMU was killed by SIGKILL"),
        (-signal.SIGABRT, None, "", True, ExitKind.CRASHED, "QEMU was killed by SIGABRT"),
        (-signal.SIGBUS, None, "", False, ExitKind.CRASHED, "no room for the guest's memory"),
    ],
)
def test_other_ends(
    code: int, reason: str | None, words: str, stopped: bool, kind: ExitKind, detail: str
) -> None:
    end = decode_exit(code, reason, words, stopped=stopped)
    assert (end.kind, end.value) == (kind, None)
    assert detail in end.detail


def test_a_guest_that_ended_before_it_was_stopped_keeps_its_value() -> None:
    assert decode_exit(7, "guest-shutdown", "", stopped=True).value == 3
