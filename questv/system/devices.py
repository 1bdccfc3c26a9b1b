"""The devices that a description can name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UART_PORTS: Mapping[str, range] = MappingProxyType(
    {"com1": range(0x3F8, 0x400), "com2": range(0x2F8, 0x300)}
)
"""The I/O ports of each serial port that a PC can have at its customary place."""
