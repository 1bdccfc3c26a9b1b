"""Machines that have run, to be looked into: their memory is a copy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from questv.inspect.inspector import Inspector
from questv.metal.definitions import MetalFunction
from questv.metal.structs import Struct
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Plan
from questv.plan.programs import Program
from tests.attacks import harness
from tests.running import Run, input_file, run_system

HELLO = Path(__file__).parents[2] / "examples" / "hello"
ATTACKS = harness.SYSTEM


class Sheet:
    """Memory that is zero where nothing was put into it."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}

    def put(self, address: int, contents: bytes | Struct) -> None:
        self.parts[address] = bytes(contents)

    def put_word(self, address: int, word: int) -> None:
        self.parts[address] = word.to_bytes(8, "little")

    def read(self, address: int, length: int) -> bytes:
        found = bytearray(length)
        for start, part in self.parts.items():
            first, last = max(start, address), min(start + len(part), address + length)
            if first < last:
                found[first - address : last - address] = part[first - start : last - start]
        return bytes(found)


@dataclass(frozen=True)
class Copied:
    """What a run has left in memory."""

    run: Run

    def read(self, address: int, length: int) -> bytes:
        found = self.run.memory(address, length)
        assert len(found) == length
        return found


@functools.cache
def built(folder: Path) -> BuiltSystem:
    return build(folder)


def plan_of(folder: Path) -> Plan:
    return built(folder).plan


def programs(system: BuiltSystem) -> dict[str, Program]:
    found = [system.boot, system.monitor, *system.kernels.values()]
    return {program.name: program for program in found}


def ran(folder: Path, scratch: Path, **options: object) -> Inspector:
    """The inspector of a machine that has run the system in ``folder`` to its end."""
    system = built(folder)
    run = run_system(system, scratch, **options)  # type: ignore[arg-type]
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return Inspector(system.plan, programs(system), Copied(run))


def orders(attack: MetalFunction, target: int) -> bytes:
    """What the attacker is told to do, as its input has it."""
    return harness.mailbox(harness.orders(built(ATTACKS), attack, target))


def attacked(attack: MetalFunction, target: int, scratch: Path) -> Inspector:
    """The inspector of a machine in which the attacker was ordered to do something."""
    file = input_file(built(ATTACKS), "attacker", orders(attack, target), scratch)
    return ran(ATTACKS, scratch, contents=(file,))
