"""Turns source text into imported metal modules, for as long as a test needs them."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from types import ModuleType

from questv.metal.definitions import forget

_NUMBERS = itertools.count()

HEADER = """\
from __future__ import annotations
import enum
from collections.abc import Callable
from typing import NoReturn
from questv.metal.lang import *
from questv.metal.structs import Struct, at, offsetof, sizeof, width
"""


class Workshop:
    """A folder of modules; those in it can be imported until ``close``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: set[str] = set()
        sys.path.insert(0, str(folder))

    def write(self, text: str, name: str | None = None, *, header: str = HEADER) -> str:
        """Write a module and return its name; a fresh one if none is given."""
        name = name or f"sample{next(_NUMBERS)}"
        self._names.add(name)
        (self.folder / f"{name}.py").write_text(header + text)
        return name

    def load(self, text: str, name: str | None = None, *, header: str = HEADER) -> ModuleType:
        """Write a module, drop any earlier one of that name, and import it."""
        name = self.write(text, name, header=header)
        self._drop(name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def _drop(self, name: str) -> None:
        sys.modules.pop(name, None)
        forget(name)

    def close(self) -> None:
        """Forget all modules."""
        sys.path.remove(str(self.folder))
        for name in self._names:
            self._drop(name)
