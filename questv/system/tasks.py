"""What the description needs to know of the functions that tasks run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from questv.diagnostics import Diagnostic, Place
from questv.system.model import Isolation


class ParameterKind(Enum):
    """What a parameter of a task takes; the value is its name for people."""

    SENDER = "Sender"
    RECEIVER = "Receiver"
    WRITER = "Writer"
    READER = "Reader"
    INPUT = "Input"
    STREAM = "Stream"
    MUTEX = "Mutex"
    STATE = "State"
    INTEGER = "integer"
    FLOAT = "float"


@dataclass(frozen=True)
class Periodic:
    """That a function is called once each period; and what its decorator says of its time.

    Times are in nanoseconds, None where the decorator leaves them to the description.
    """

    period: int | None
    budget: int | None


@dataclass(frozen=True)
class TaskSignature:
    """A function that can be a task.

    ``place`` is that of the function's name in its source. ``parameters`` is in the order of the
    source; ``integers`` has the values that each parameter of kind INTEGER can hold, and ``bits``
    the width of each of kind FLOAT. ``floats`` tells whether the task, or what it calls, uses
    floating point. ``isolation`` is where its parameters' types let it run, None if anywhere.
    ``periodic`` is None for a function that is called once, and ``initialize`` has
    the parameters of the function that is called before, if there is one.
    """

    function: str
    place: Place
    parameters: Mapping[str, ParameterKind]
    integers: Mapping[str, range]
    floats: bool
    bits: Mapping[str, int] = field(default_factory=dict)
    periodic: Periodic | None = None
    initialize: tuple[str, ...] | None = None
    isolation: Isolation | None = None


@dataclass(frozen=True)
class ModuleMissing:
    """The folder has no such module."""


@dataclass(frozen=True)
class FunctionMissing:
    """The module has no such function marked as a task; ``functions`` are those that it has.

    ``unmarked`` is the place of the function if it is there after all, without the mark of a task;
    ``compiled`` tells whether it has the mark of a function that tasks call.
    """

    functions: tuple[str, ...]
    unmarked: Place | None = None
    compiled: bool = False


@dataclass(frozen=True)
class TaskInvalid:
    """The function can't be a task, for the reasons in ``findings``, of which there is one or more.

    The findings are placed in the Python source and carry rules of the compiler.
    """

    findings: tuple[Diagnostic, ...]

    def __post_init__(self) -> None:
        """Hold the contract that a refusal says why."""
        if not self.findings:
            raise ValueError("a task is refused without a reason")


TaskProblem = ModuleMissing | FunctionMissing | TaskInvalid


class TaskSource(Protocol):
    """Who knows the functions of a description's folder."""

    def find(self, run: str) -> TaskSignature | TaskProblem:
        """What ``run``, a text ``module:function``, names, or why it can't be a task."""
        ...
