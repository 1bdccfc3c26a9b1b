"""The harness sees every escape: each hole here is made on purpose, and an attacker uses it."""

from __future__ import annotations

import pytest

from questv.arch.x86.apic import COMMAND_INIT, X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.registers import Msr
from questv.arch.x86.svm import Intercept3, Intercept4
from questv.attacks import catalogue, instructions, interrupts, memory, ports, registers
from questv.metal.definitions import MetalFunction
from questv.monitor.interface import SandboxState

from . import harness, openings
from .cases.memory import part
from .openings import Opening

PLAN = harness.system().plan
MIDDLE, OWN = PLAN.sandbox("middle"), PLAN.sandbox("attacker")
SINK = PLAN.sandbox("sink").core << 32
COMMAND = X2APIC_MSR_BASE + ApicRegister.COMMAND
CONSTANTS = part(MIDDLE, "rodata")
TEXT = part(MIDDLE, "text")
HANDLERS = MIDDLE.physical(
    harness.system().kernels["middle"].symbols.address("questv.kernel.tables.idt")
)
FREE = PLAN.region_at(MIDDLE.kernel_tables).end - PAGE_SIZE  # type: ignore[union-attr]


def used(
    opening: Opening | None, attack: MetalFunction, target: int, value: int
) -> harness.Outcome:
    made = harness.orders(harness.system(), attack, target, value)
    return harness.attack(harness.system(), made, opening=opening, patience=2.0)


def test_nothing_is_reported_of_nothing() -> None:
    outcome = used(None, catalogue.do_nothing, 0, 0)
    assert outcome.escapes == []
    assert (outcome.state, outcome.begun, outcome.returned) == (SandboxState.FINISHED, 1, 1)
    assert outcome.lines == ["attacking", "came back"]


def return_instruction() -> int:
    """Where there is one in another's text."""
    text = harness.system().kernels["middle"].segments[0].contents
    return TEXT + text.index(b"\xc3")


# Each with what is said of it; that the attacker came back is said where nobody was harmed.
CAME_BACK = ""
HOLES: dict[str, tuple[Opening, MetalFunction, int, int, str]] = {
    "a page to read": (openings.page(TEXT, "r"), memory.read, TEXT, 0, CAME_BACK),
    "a page to execute": (
        openings.page(TEXT, "rx"),
        memory.call,
        return_instruction(),
        0,
        CAME_BACK,
    ),
    "another's constants to write": (
        openings.page(CONSTANTS, "rw"),
        memory.write,
        CONSTANTS,
        0,
        f"memory at {CONSTANTS:#x} has changed (memory of middle)",
    ),
    "another's handlers to write": (
        openings.page(HANDLERS, "rw"),
        memory.write,
        HANDLERS,
        0,
        f"memory at {HANDLERS:#x} has changed (memory of middle)",
    ),
    "another's free memory to write": (
        openings.page(FREE, "rw"),
        memory.write,
        FREE + 8,
        0,
        f"memory at {FREE + 8:#x} has changed (memory of middle)",
    ),
    "the own text to write": (
        openings.page(part(OWN, "text"), "rwx"),
        memory.write,
        part(OWN, "text"),
        0,
        f"memory at {part(OWN, 'text'):#x} has changed (memory of attacker)",
    ),
    "another's text to write": (
        openings.page(TEXT, "rwx"),
        memory.write,
        return_instruction() & ~7,
        0,
        f"memory at {return_instruction() & ~7:#x} has changed (memory of middle)",
    ),
    "the own control block to write": (
        openings.page(OWN.control, "rw"),
        memory.write,
        OWN.control,
        0,
        "the control block of attacker has another intercept_cr",
    ),
    "a monitor's variables to write": (
        openings.page(part(MIDDLE, "monitor bss"), "rw"),
        memory.write,
        part(MIDDLE, "monitor bss"),
        0,
        f"memory at {part(MIDDLE, 'monitor bss'):#x} has changed (monitor of middle)",
    ),
    "an MSR to read": (openings.msr(Msr.EFER), registers.read_denied_msr, Msr.EFER, 0, CAME_BACK),
    "an MSR to write": (openings.msr(0x277), registers.write_denied_msr, 0x277, 0x6, CAME_BACK),
    "the interrupt command": (
        openings.msr(COMMAND),
        interrupts.send_command,
        SINK | COMMAND_INIT,
        0,
        "the others do not go on with their work",
    ),
    "a doorbell": (
        openings.doorbell(SINK | 0x60),
        interrupts.send_command,
        SINK | 0x60,
        0,
        "sink took 1 interrupts that nobody had sent",
    ),
    "the interrupt controller": (
        openings.port(0x21),
        ports.write,
        0x21,
        0x0E,
        "the state of the interrupt controllers has changed",
    ),
    "the interval timer": (
        openings.port(0x43),
        ports.write,
        0x43,
        0x30,
        "the state of the interval timer has changed",
    ),
    "the emulator's exit": (
        openings.port(0xF4),
        ports.write,
        0xF4,
        0x0E,
        "the machine ended otherwise: the guest ended the machine with 14",
    ),
    "all ports": (
        openings.intercept(Intercept3.IO),
        ports.write,
        0xF4,
        0x0E,
        "the machine ended otherwise: the guest ended the machine with 14",
    ),
    "VMSAVE": (
        openings.intercept(Intercept4.VMSAVE),
        instructions.vmsave,
        CONSTANTS,
        0,
        f"memory at {CONSTANTS + 0x472:#x} has changed (memory of middle)",
    ),
    "CLGI": (openings.intercept(Intercept4.CLGI), instructions.clgi, 0, 0, CAME_BACK),
    "INVD": (openings.intercept(Intercept3.INVD), instructions.invd, 0, 0, CAME_BACK),
}


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_a_hole_is_reported(hole: tuple[Opening, MetalFunction, int, int, str]) -> None:
    opening, attack, target, value, words = hole
    outcome = used(opening, attack, target, value)
    if words == CAME_BACK:  # which the battery takes for an escape unless it says otherwise
        assert outcome.returned == outcome.begun == 2
    else:
        assert words in outcome.escapes
