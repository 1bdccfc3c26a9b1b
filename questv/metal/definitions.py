"""What a Python module of metal defines: functions, assembly, variables.

The decorators and markers of the language leave these objects in the module's namespace; the
compiler finds them there. Registration is by module name, so that a compile unit is one module.
"""

from __future__ import annotations

import enum
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class MetalFunction:
    """A Python function to be compiled.

    ``inline`` copies it into its callers, in other modules too. ``export`` is its symbol, for
    use from assembly and linker scripts. ``floats`` permits floating point in it. ``role`` is a
    mark of whoever made a decorator of their own out of ``metal``; as a text it is what people call
    such a function.
    """

    python: Callable[..., Any]
    inline: bool = False
    export: str | None = None
    floats: bool = False
    role: object = None

    @property
    def module(self) -> str:
        """The name of the module that defines it."""
        return self.python.__module__

    @property
    def name(self) -> str:
        """Its name within the module, with the struct's for a method."""
        return self.python.__qualname__

    @property
    def symbol(self) -> str:
        """Its name to the linker."""
        return f"{self.module}.{self.name}" if self.export is None else self.export

    def __call__(self, *arguments: object, **keywords: object) -> Any:
        """Refuse: the host has no such function, only the compiler has."""
        raise TypeError(
            f"{self.name} is compiled for the bare machine; to call it from Python, use "
            "questv.metal.jit.Jit"
        )


@dataclass(eq=False)
class AssemblyFunction(MetalFunction):
    """A function whose body is assembly; ``stack`` is the most bytes that it pushes itself."""

    text: str = ""
    stack: int = 0


class StaticKind(enum.Enum):
    """Where a module-level variable lives."""

    VARIABLE = "static"
    CONSTANT = "constant"
    EXTERNAL = "external"


@dataclass(eq=False)
class StaticVariable:
    """A module-level variable, made at ``line`` of its module.

    Its name and type are found in its module when it is compiled.
    """

    module: str
    line: int
    kind: StaticKind
    initial: Any = None
    export: str | None = None

    @property
    def name(self) -> str:
        """Its name in its module; raises LookupError if it has none."""
        for name, value in vars(sys.modules[self.module]).items():
            if value is self:
                return name
        raise LookupError(f"a static of {self.module} has no name")

    @property
    def symbol(self) -> str:
        """Its name to the linker."""
        return f"{self.module}.{self.name}" if self.export is None else self.export


@dataclass
class ModuleDefinitions:
    """All that one module defines, in order of definition."""

    functions: list[MetalFunction] = field(default_factory=list)
    statics: list[StaticVariable] = field(default_factory=list)
    assembly: list[str] = field(default_factory=list)


DEFINITIONS: defaultdict[str, ModuleDefinitions] = defaultdict(ModuleDefinitions)


def define_function(function: MetalFunction) -> MetalFunction:
    """Register ``function`` with its module."""
    DEFINITIONS[function.module].functions.append(function)
    return function


def define_static(static: StaticVariable) -> StaticVariable:
    """Register ``static`` with its module."""
    DEFINITIONS[static.module].statics.append(static)
    return static


def forget(module: str) -> None:
    """Drop what ``module`` defined, before it is imported afresh."""
    DEFINITIONS.pop(module, None)
