from __future__ import annotations

from questv.system.devices import SERIAL_PORTS


def test_serial_ports_are_where_a_pc_has_them() -> None:
    found = {name: (each.ports[0], each.ports[-1]) for name, each in SERIAL_PORTS.items()}
    assert found == {"com1": (0x3F8, 0x3FF), "com2": (0x2F8, 0x2FF)}
    interrupts = {name: each.interrupt for name, each in SERIAL_PORTS.items()}
    assert interrupts == {"com1": 4, "com2": 3}
