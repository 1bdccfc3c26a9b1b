"""The devices that a description can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


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
