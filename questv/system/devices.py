"""The devices that a description can name, and where machines have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from questv.system.units import PAGE_SIZE


@dataclass(frozen=True)
class SerialPort:
    """A serial port: its I/O ports, and the number of its interrupt among the ISA's."""

    ports: range
    interrupt: int


SERIAL_PORTS: Mapping[str, SerialPort] = MappingProxyType(
    {
        "com1": SerialPort(range(0x3F8, 0x400), 4),
        "com2": SerialPort(range(0x2F8, 0x300), 3),
    }
)
"""Each serial port that a PC can have at its customary place."""


@dataclass(frozen=True)
class VirtioSlot:
    """A place for a virtio device: where its registers are, and the number of its interrupt."""

    address: int
    interrupt: int

    @property
    def page(self) -> int:
        """The page that it is on, and others too; no less can be given to a sandbox."""
        return self.address - self.address % PAGE_SIZE


VIRTIO_SLOTS = tuple(VirtioSlot(0xFEB0_0000 + 0x200 * slot, 24 + slot) for slot in range(24))
"""Those of QEMU's microvm, whose second I/O APIC has their interrupts."""
