"""Attacks on devices by I/O ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from questv.attacks import ports
from questv.monitor.interface import CrashReason
from questv.plan.build import BuiltSystem

from .case import Case
from .memory import READ, WRITE

IN, OUT = CrashReason.PORT_READ, CrashReason.PORT_WRITE

PORTS = {
    0x00: "DMA",
    0x20: "the interrupt controller",
    0x43: "the interval timer",
    0x61: "its gate, and that of NMIs",
    0x64: "the keyboard controller, which resets",
    0x70: "the clock, and the gate of NMIs",
    0x80: "the port of POST codes",
    0x92: "fast reset and A20",
    0xA1: "the second interrupt controller",
    0xB2: "system management interrupts",
    0xF0: "the coprocessor's error line",
    0xF4: "the emulator's exit",
    0x3F8: "the serial port",
    0x4D0: "edges and levels of interrupts",
    0x510: "the emulator's configuration",
    0x514: "its DMA",
    0x604: "power management",
    0xCF8: "PCI configuration",
    0xCF9: "reset",
    0xCFC: "PCI configuration's data",
    0xFFFF: "the last port",
}

_RESET = 0x0E
_SLEEP = 0x2000  # SLP_EN, with the type that QEMU turns the machine off for


def on_a_pc() -> Iterator[Case]:
    """Those that mean something only on a whole PC."""
    yield Case("switch the machine off", ports.write_16, 0x604, _SLEEP).stopped(OUT, 0x604)
    yield Case("choose a PCI register", ports.write_32, 0xCF8, 1 << 31).stopped(OUT, 0xCF8)


def cases(built: BuiltSystem) -> Iterator[Case]:
    """All of them."""
    ((first, last),) = built.plan.sandbox("attacker").ports
    for port, name in PORTS.items():
        case = Case(f"read port {port:#x}, {name}", ports.read, port)
        yield replace(case, rare=port not in (0x64, 0xFFFF)).stopped(IN, port)
        yield Case(f"write port {port:#x}, {name}", ports.write, port, _RESET).stopped(OUT, port)
    yield Case("end the emulator", ports.write_32, 0xF4, 1).stopped(OUT, 0xF4)
    for attack, reason in (
        (ports.read_16, IN),
        (ports.write_16, OUT),
        (ports.read_32, IN),
        (ports.write_32, OUT),
    ):
        verb, bits = attack.name.split("_")
        width = int(bits) // 8
        for name, port in (
            ("before the own ports", first - 1),
            ("beyond the own ports", last - width + 2),
            ("beyond the last port", 0xFFFF),
        ):
            case = Case(f"{verb} {bits} bits from {name}", attack, port)
            yield case.stopped(reason, port)
        yield Case(f"{verb} {bits} bits within the own ports", attack, last - width + 1)
    for attack, reason in ((ports.read_string, IN), (ports.write_string, OUT)):
        name = attack.name.replace("_", " a ")
        yield Case(f"{name} at port 0x510", attack, 0x510).stopped(reason, 0x510)
        yield Case(f"{name} at an own port", attack, first)
    end = next(r for r in built.plan.regions if r.name == "memory of attacker").end
    for attack, reason in ((ports.read_string_across, WRITE), (ports.write_string_across, READ)):
        verb = attack.name.split("_")[0]
        yield Case(f"{verb} a string beyond the own memory", attack, end, first).stopped(
            reason, end
        )
