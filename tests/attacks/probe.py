"""A second control channel to QEMU, for looking at devices while a machine runs."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

NAME = "probe"
ARGUMENTS = ("-qmp", f"unix:{NAME},server=on,wait=off")
"""What QEMU has to be started with; the channel is then in the machine's directory."""

_PATIENCE = 30.0


class Probe:
    """The channel; a context manager that closes it."""

    def __init__(self, directory: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(str(directory / NAME))
        self._replies = self._socket.makefile("r")
        self._replies.readline()
        self._ask({"execute": "qmp_capabilities"})

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._replies.close()
        self._socket.close()

    def devices(self, cores: list[int]) -> dict[str, str]:
        """Registers of the interrupt controllers and the interval timer; empty if QEMU is gone."""
        words = self._words("info pic")
        words = re.sub(r"^(pic0: )irr=\w+|^\s+IRR.*$", "\\1", words, flags=re.M)  # the timer's
        found = {"interrupt controllers": words}
        for core in cores:
            lines = self._words(f"info lapic {core}").splitlines()
            kept = [line for line in lines if line.startswith(("LVT", "SPIV"))]
            found[f"local APIC of core {core}"] = "\n".join(kept)
        self._words("o/b 0x43 0xee")  # latch the status of all three counters
        modes = [self._words(f"i/xb {port:#x}") for port in range(0x40, 0x43)]
        found["interval timer"] = " ".join(
            hex(int(words.split("=")[1], 16) & 0x3F) for words in modes if "=" in words
        )
        return found

    def _words(self, command: str) -> str:
        reply = self._ask(
            {"execute": "human-monitor-command", "arguments": {"command-line": command}}
        )
        return str(reply["return"]) if reply else ""

    def _ask(self, command: dict[str, Any]) -> dict[str, Any] | None:
        try:
            self._socket.sendall(json.dumps(command).encode() + b"\n")
            while line := self._replies.readline():
                reply: dict[str, Any] = json.loads(line)
                if "return" in reply or "error" in reply:
                    return reply
        except OSError:
            pass
        return None
