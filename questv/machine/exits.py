"""How a machine ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum


class ExitKind(StrEnum):
    """Who ended the machine, and how."""

    GUEST = "guest"
    """The guest wrote to the exit port."""
    RESET = "reset"
    """The guest reset the machine: mostly a fault that no handler took (a triple fault)."""
    POWEROFF = "poweroff"
    """The guest turned the machine off."""
    STOPPED = "stopped"
    """The host stopped it."""
    CRASHED = "crashed"
    """QEMU itself failed, or somebody else killed it."""


@dataclass(frozen=True)
class Exit:
    """The end of a machine.

    ``value`` is what the guest wrote to the exit port, its lowest seven bits (0..127); None unless
    ``kind`` is GUEST. ``detail`` is one line for a person.
    """

    kind: ExitKind
    value: int | None
    detail: str


def decode_exit(code: int, reason: str | None, words: str, *, stopped: bool) -> Exit:
    """What QEMU's end means.

    ``code`` is its exit code, negative for a signal; ``reason`` that of its last SHUTDOWN event;
    ``words`` what it has said; ``stopped`` whether the host has killed it.
    """
    if code < 0:
        name = signal.Signals(-code).name
        if stopped and -code == signal.SIGKILL:
            return Exit(ExitKind.STOPPED, None, "stopped from the host")
        if -code == signal.SIGBUS:
            return Exit(
                ExitKind.CRASHED, None, "QEMU was killed by SIGBUS: no room for the guest's memory"
            )
        return Exit(ExitKind.CRASHED, None, f"QEMU was killed by {name}")
    if code & 1 and not (code == 1 and complaint(words)):
        return Exit(ExitKind.GUEST, code >> 1, f"the guest ended the machine with {code >> 1}")
    if code == 0 and reason == "guest-reset":
        return Exit(ExitKind.RESET, None, "the guest reset the machine (a triple fault?)")
    if code == 0 and reason == "guest-shutdown":
        return Exit(ExitKind.POWEROFF, None, "the guest turned the machine off")
    return Exit(
        ExitKind.CRASHED,
        None,
        complaint(words) or f"QEMU ended with code {code} ({reason or 'no reason given'})",
    )


def complaint(words: str) -> str:
    """The last line of QEMU's ``words`` that is no mere warning; empty if there is none."""
    lines = [line for line in words.splitlines() if line.strip() and ": warning: " not in line]
    return lines[-1] if lines else ""
