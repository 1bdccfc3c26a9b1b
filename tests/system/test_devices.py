from __future__ import annotations

from questv.system.devices import UART_PORTS


def test_serial_ports_are_where_a_pc_has_them() -> None:
    ports = {name: (numbers[0], numbers[-1]) for name, numbers in UART_PORTS.items()}
    assert ports == {"com1": (0x3F8, 0x3FF), "com2": (0x2F8, 0x2FF)}
