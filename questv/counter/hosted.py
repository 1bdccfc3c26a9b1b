"""A plugin for machines that are about to start, and a file that it shares with this process."""

from __future__ import annotations

import functools
import mmap
from contextlib import ExitStack
from types import TracebackType

from questv.machine import MIB
from questv.machine.runfiles import RunDirectory
from questv.metal.link import link_library
from questv.metal.units import UnitCompiler

_EXPORTS = ("qemu_plugin_version", "qemu_plugin_install")


class HostedPlugin:
    """A context manager; both are gone with its block.

    Inside the block ``memory`` is the file that is shared, zero at first.
    """

    memory: mmap.mmap

    def __init__(self, name: str, module: str, argument: str, size: int) -> None:
        """The plugin ``module``, in metal, finds the path of ``size`` bytes after ``argument``."""
        self._name, self._module = name, module
        self._argument, self._size = argument, size

    def __enter__(self) -> HostedPlugin:
        """Make both. Raises MachineError if there is no room, or LinkError."""
        plugin = _compiled(self._module)
        with ExitStack() as release:
            directory = RunDirectory.make(self._name, self._size + MIB)
            release.callback(directory.remove)
            self._files = (directory.path / "plugin.so", directory.path / "shared")
            self._files[0].write_bytes(plugin)
            with self._files[1].open("x+b") as file:
                file.truncate(self._size)
                self.memory = mmap.mmap(file.fileno(), self._size)
            self._release = release.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the files."""
        self._release.close()

    @property
    def arguments(self) -> tuple[str, ...]:
        """What QEMU has to be told, as ``MachineOptions.extra``."""
        plugin, shared = (str(file).replace(",", ",,") for file in self._files)
        return ("-plugin", f"file={plugin},{self._argument}{shared}")


@functools.cache
def _compiled(module: str) -> bytes:
    units = UnitCompiler(checks=False).compile([module])
    return link_library(units.values(), _EXPORTS)
