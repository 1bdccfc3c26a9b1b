"""The injector for machines that are about to start: what they are told, and what they have found.

::

    with Injector() as injector:
        injector.prepare(orders)
        options = MachineOptions(image=image, memory=memory, extra=injector.arguments, ...)
        with Machine(options) as machine:
            machine.wait()
        print(injector.found.rip)
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import TracebackType

from elftools.elf.elffile import ELFFile
from elftools.elf.hash import GNUHashSection

from questv.counter.hosted import HostedPlugin
from questv.faults.emulator import REQUIRED
from questv.faults.orders import SIZE, Exchange, Found, Orders
from questv.faults.plugin import EXCHANGE_ARGUMENT
from questv.machine import MachineError, Qemu, find_qemu, packages
from questv.metal.structs import sizeof


class Injector:
    """A context manager; for one machine after the other."""

    def __init__(self, qemu: Qemu | None = None) -> None:
        """Prepare for ``qemu``, the host's if not given."""
        self._qemu = qemu
        self._plugin = HostedPlugin("injector", "questv.faults.plugin", EXCHANGE_ARGUMENT, SIZE)

    def __enter__(self) -> Injector:
        """Make the plugin. Raises MachineError if this QEMU has no use for it, or LinkError."""
        check(self._qemu or find_qemu())
        self._plugin.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        self._plugin.__exit__(kind, error, trace)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What QEMU has to be told, as ``MachineOptions.extra``."""
        return self._plugin.arguments

    def prepare(self, orders: Orders) -> None:
        """Tell the next machine what to do, and forget what the last one has found."""
        self._plugin.memory[:SIZE] = bytes(orders) + bytes(sizeof(Found))

    @property
    def found(self) -> Found:
        """What has become of it, as of now."""
        return Exchange.view(bytes(self._plugin.memory[:SIZE])).found


def check(qemu: Qemu) -> None:
    """Raise MachineError unless faults can be injected into machines of ``qemu``."""
    missing = None
    if not qemu.can_count:
        missing = "lacks the plugins that came with QEMU 9.0"
    elif not qemu.has_x2apic:
        missing = "has no x2APIC"
    else:
        absent = [name for name in REQUIRED if name not in _shown(qemu.path)]
        if absent:
            missing = f"was built without modules: it does not show its function {absent[0]}"
    if missing is not None:
        raise MachineError(
            f"{qemu.path} can't inject faults: it {missing}", packages.install_qemu()
        )


@functools.cache
def _shown(qemu: Path) -> frozenset[str]:
    """Those of the functions that the injector needs that QEMU shows to a plugin."""
    with qemu.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if isinstance(section, GNUHashSection):
                found = {name: section.get_symbol(name) for name in REQUIRED}
                return frozenset(
                    name
                    for name, symbol in found.items()
                    if symbol is not None and symbol["st_shndx"] != "SHN_UNDEF"
                )
    return frozenset()
