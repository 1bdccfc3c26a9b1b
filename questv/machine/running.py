"""Machines that run on this host, for processes other than their owner."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from questv.machine import runfiles
from questv.machine.errors import MachineError
from questv.machine.memory import GuestMemory, memory_layout
from questv.machine.options import MachineKind


@dataclass(frozen=True)
class RunningMachine:
    """A machine whose owner is alive: the guest runs, or has ended and is still being looked at.

    ``pid`` is the owner's; ``memory_size`` is in bytes; ``started`` has its time zone. All methods
    raise MachineError if the machine has gone meanwhile.
    """

    name: str
    pid: int
    directory: Path
    image: Path
    kind: MachineKind
    memory_size: int
    started: datetime

    def memory(self, *, writable: bool = False) -> GuestMemory:
        """The guest's live memory, for reading only or for both; to be closed by the caller."""
        layout = memory_layout(self.kind, self.memory_size)
        try:
            return GuestMemory(self.directory / runfiles.MEMORY, layout, writable=writable)
        except FileNotFoundError as error:
            raise self._gone() from error

    def serial_text(self) -> str:
        """All that the serial port has said so far."""
        try:
            return read_serial(self.directory)
        except FileNotFoundError as error:
            raise self._gone() from error

    def published(self, name: str) -> bytes:
        """What the owner has published as ``name``; MachineError if there is no such thing."""
        path = self.directory / runfiles.PUBLISHED / runfiles.plain_name(name)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            if not self.directory.exists():
                raise self._gone() from error
            raise MachineError(
                f"the machine {self.name} has published no {name}", "ask for what it publishes"
            ) from error

    def _gone(self) -> MachineError:
        return MachineError(f"the machine {self.name} has ended", "start it again")

    def to_json(self) -> bytes:
        """All of it but the directory, as ``machine.json`` holds it."""
        return json.dumps(
            {
                "name": self.name,
                "pid": self.pid,
                "image": str(self.image),
                "kind": self.kind,
                "memory": self.memory_size,
                "started": self.started.isoformat(),
            },
            indent=2,
        ).encode()

    @classmethod
    def from_json(cls, directory: Path, data: bytes) -> RunningMachine:
        """The machine in ``directory`` whose ``machine.json`` holds ``data``."""
        facts = json.loads(data)
        return cls(
            name=facts["name"],
            pid=facts["pid"],
            directory=directory,
            image=Path(facts["image"]),
            kind=MachineKind(facts["kind"]),
            memory_size=facts["memory"],
            started=datetime.fromisoformat(facts["started"]),
        )


def running() -> list[RunningMachine]:
    """The machines of this user that have started and whose owner is alive, oldest first."""
    machines = []
    for directory in runfiles.live_directories():
        try:
            data = (directory / runfiles.MACHINE).read_bytes()
        except FileNotFoundError:
            continue  # Not started yet, or just gone.
        machines.append(RunningMachine.from_json(directory, data))
    return sorted(machines, key=lambda machine: machine.started)


def read_serial(directory: Path) -> str:
    """All that the serial port of the machine in ``directory`` has said so far.

    What is not UTF-8 is shown as U+FFFD.
    """
    return (directory / runfiles.SERIAL).read_bytes().decode(errors="replace")
