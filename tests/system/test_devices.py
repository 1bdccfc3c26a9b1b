from __future__ import annotations

from questv.system.devices import SERIAL_PORTS, VIRTIO_SLOTS


def test_serial_ports_are_where_a_pc_has_them() -> None:
    found = {name: (each.ports[0], each.ports[-1]) for name, each in SERIAL_PORTS.items()}
    assert found == {"com1": (0x3F8, 0x3FF), "com2": (0x2F8, 0x2FF)}
    interrupts = {name: each.interrupt for name, each in SERIAL_PORTS.items()}
    assert interrupts == {"com1": 4, "com2": 3}


def test_virtio_slots_are_where_a_microvm_has_them() -> None:
    first, last = VIRTIO_SLOTS[1], VIRTIO_SLOTS[23]
    assert list(VIRTIO_SLOTS) == list(range(1, 24))
    assert (first.address, first.interrupt, first.page) == (0xFEB0_0200, 25, 0xFEB0_0000)
    assert (last.address, last.interrupt, last.page) == (0xFEB0_2E00, 47, 0xFEB0_2000)
