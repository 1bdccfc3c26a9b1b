"""Machines that have run, to be looked into: their memory is a copy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import questv.attacks
from questv.arch.x86.paging import ADDRESS_MASK, PAGE_SIZE
from questv.attacks.catalogue import Attack
from questv.attacks.orders import Orders
from questv.inspect.inspector import Inspector
from questv.kernel.info import INPUT_MAGIC, InputHeader
from questv.metal.structs import Struct
from questv.plan.build import BuiltSystem, build
from questv.plan.layout import tables
from questv.plan.model import Plan
from questv.plan.programs import Program
from tests.running import Run, run_system

HELLO = Path(__file__).parents[2] / "examples" / "hello"
ATTACKS = Path(questv.attacks.__file__).parent / "system"


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


def orders(attack: Attack, target: int) -> bytes:
    """What the attacker is told to do, as its input has it."""
    system = built(ATTACKS)
    attacker = system.plan.sandbox("attacker")
    made = tables(attacker.kernel_windows, nested=False).contents(attacker.kernel_tables)
    directory = int.from_bytes(made[:8], "little") & ADDRESS_MASK
    at = directory - attacker.kernel_tables + 8  # entry 1: the GiB of the kernel's program
    return bytes(
        Orders(
            attack=attack,
            target=target,
            tables=attacker.physical(system.kernels["attacker"].symbols.address("attack_tables")),
            kernel_entry=int.from_bytes(made[at : at + 8], "little"),
        )
    )


def attacked(attack: Attack, target: int, scratch: Path) -> Inspector:
    """The inspector of a machine in which the attacker was ordered to do something."""
    contents = orders(attack, target)
    header = InputHeader(magic=INPUT_MAGIC, length=len(contents))
    file = scratch / "orders"
    file.write_bytes(bytes(header).ljust(PAGE_SIZE, b"\0") + contents)
    address = plan_of(ATTACKS).sandbox("attacker").inputs[0].physical
    return ran(ATTACKS, scratch, contents=((address, file),))
