"""The devices of a description: how the machine has them, and what of a kernel drives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from questv.arch.x86.paging import PAGE_SIZE
from questv.kernel.drivers.uart import Uart
from questv.kernel.drivers.virtio_console import VirtioConsole
from questv.kernel.info import DEVICE_MEMORY
from questv.metal.structs import sizeof
from questv.plan import addresses
from questv.plan.model import DevicePlan, Window
from questv.plan.objects import ObjectTable
from questv.system.description import BoundTask
from questv.system.devices import SERIAL_PORTS, VIRTIO_REGISTERS, VIRTIO_SLOTS
from questv.system.model import Device, UartDevice


@dataclass(frozen=True)
class DriverCode:
    """A driver: its module, the symbol of its ``Driver``, and where it keeps its devices."""

    module: str
    symbol: str
    devices: ObjectTable
    shares_memory: bool  # its devices read and write memory by themselves


DRIVERS: Mapping[str, DriverCode] = MappingProxyType(
    {
        "uart": DriverCode(
            "questv.kernel.drivers.uart",
            "kernel_uart_driver",
            ObjectTable("kernel_uarts", sizeof(Uart)),
            shares_memory=False,
        ),
        "virtio-console": DriverCode(
            "questv.kernel.drivers.virtio_console",
            "kernel_virtio_console_driver",
            ObjectTable("kernel_virtio_consoles", sizeof(VirtioConsole)),
            shares_memory=True,
        ),
    }
)
"""The driver for each kind of device."""


def drivers(tasks: Iterable[BoundTask]) -> list[DriverCode]:
    """Those that a kernel with these tasks needs."""
    arguments = [argument for task in tasks for argument in task.arguments.values()]
    kinds = {argument.kind for argument in arguments if isinstance(argument, Device)}
    return [DRIVERS[kind] for kind in sorted(kinds)]


def device_plan(device: Device) -> DevicePlan:
    """A device as the machine has it."""
    if isinstance(device, UartDevice):
        port = SERIAL_PORTS[device.name]
        return DevicePlan(
            name=device.name,
            kind=device.kind,
            slot=None,
            registers=port.ports.start,
            interrupt=port.interrupt,
        )
    slot = VIRTIO_SLOTS[device.slot]
    return DevicePlan(
        name=device.name,
        kind=device.kind,
        slot=device.slot,
        registers=slot.address,
        interrupt=slot.interrupt,
    )


def registers(device: DevicePlan) -> int:
    """Where a kernel finds a device's registers: its first port, or a virtual address."""
    if device.slot is None:
        return device.registers
    return addresses.KERNEL_DEVICES + device.registers - VIRTIO_REGISTERS


def memory(index: int) -> int:
    """Where a kernel finds what it shares with the device of its stream number ``index``."""
    return addresses.KERNEL_DEVICE_MEMORY + index * DEVICE_MEMORY


def register_windows(devices: Iterable[DevicePlan]) -> list[Window]:
    """The pages on which the registers of a sandbox's devices are, all its own."""
    slots = sorted(device.slot for device in devices if device.slot is not None)
    pages = dict.fromkeys(VIRTIO_SLOTS[slot].page for slot in slots)
    return [
        Window(
            name="virtio slots {} to {}".format(*_ends(page)),
            address=addresses.KERNEL_DEVICES + page - VIRTIO_REGISTERS,
            physical=page,
            size=PAGE_SIZE,
            rights="rw",
            device=True,
        )
        for page in pages
    ]


def _ends(page: int) -> tuple[int, int]:
    """The first and the last slot on a page."""
    slots = [number for number, slot in VIRTIO_SLOTS.items() if slot.page == page]
    return slots[0], slots[-1]
