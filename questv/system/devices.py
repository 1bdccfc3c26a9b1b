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


VIRTIO_REGISTERS = 0xFEB0_0000
"""Where the registers of QEMU's microvm's virtio-mmio slots begin."""
_SLOT_SIZE = 0x200
_FIRST_INTERRUPT = 24  # the first line of the second I/O APIC


@dataclass(frozen=True)
class VirtioSlot:
    """A place for a virtio device: where its registers are, and the number of its interrupt."""

    address: int
    interrupt: int

    @property
    def page(self) -> int:
        """The page that it is on, and others too; no less can be given to a sandbox."""
        return self.address - self.address % PAGE_SIZE


VIRTIO_SLOTS: Mapping[int, VirtioSlot] = MappingProxyType(
    {
        slot: VirtioSlot(VIRTIO_REGISTERS + slot * _SLOT_SIZE, _FIRST_INTERRUPT + slot)
        for slot in range(1, 24)
    }
)
"""Those that can be used. Slot 0 would interrupt as slot 2 does: each of QEMU's I/O APICs takes its
line 0 for line 2, as is right for the first one's timer."""
