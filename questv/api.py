"""What the kernel offers to tasks: ``from questv.api import ...``; docs/api.md shows it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from questv.channel.copy import copy_out
from questv.kernel.channels import NOTHING, Reader, Receiver, Sender, Writer
from questv.kernel.clock import now
from questv.kernel.counters import Counter, Histogram
from questv.kernel.doorbells import FOREVER
from questv.kernel.inputs import Input
from questv.kernel.jobs import finish
from questv.kernel.log import log, log_bytes, log_end, log_part
from questv.kernel.mutexes import Mutex
from questv.kernel.panic import panic
from questv.kernel.states import State
from questv.kernel.streams import Stream
from questv.kernel.synchronization import Condition, Semaphore
from questv.kernel.timers import sleep_until
from questv.kernel.watchdogs import unwatch, watch
from questv.metal.definitions import MetalFunction
from questv.metal.lang import metal
from questv.metal.runtime import memcpy as copy_bytes

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class TaskRole:
    """That a function is a task.

    ``period`` and ``budget``, as they are written, are what a periodic one has of them unless the
    description says otherwise.
    """

    is_periodic: bool
    period: str | int | None = None
    budget: str | int | None = None

    def __str__(self) -> str:
        """What people call it."""
        return "task"


@dataclass(frozen=True)
class InitializeRole:
    """That a function is called once, before the task ``body``."""

    body: object

    def __str__(self) -> str:
        """What people call it."""
        return "task's initializer"


@overload
def task(function: F) -> F: ...
@overload
def task(*, floats: bool = ...) -> Callable[[F], F]: ...


def task(function: F | None = None, *, floats: bool = False) -> F | Callable[[F], F]:
    """Mark a metal function as a task: the system description may name it.

    It is called once, and returns when it has nothing more to do. Its parameters, at most six, are
    ends of channels, inputs, streams, mutexes, its state, and numbers. With ``floats`` it, and what
    it calls, may use floating point.
    """
    mark: Callable[[F], F] = metal(role=TaskRole(is_periodic=False), floats=floats)
    return mark(function) if function is not None else mark


@overload
def periodic(function: F) -> F: ...
@overload
def periodic(
    *, period: str | int | None = ..., budget: str | int | None = ..., floats: bool = ...
) -> Callable[[F], F]: ...


def periodic(
    function: F | None = None,
    *,
    period: str | int | None = None,
    budget: str | int | None = None,
    floats: bool = False,
) -> F | Callable[[F], F]:
    """Mark a metal function as a task that is called once each period.

    Its parameters are those of any task. ``period`` and ``budget`` are durations, as in
    ``"1 ms"`` or a number of nanoseconds; keys of these names in the description come before them.
    """
    role = TaskRole(is_periodic=True, period=period, budget=budget)
    mark: Callable[[F], F] = metal(role=role, floats=floats)
    return mark(function) if function is not None else mark


def initialize(body: Callable[..., Any]) -> Callable[[F], F]:
    """Mark a metal function as what is called once before the task ``body``, on its behalf.

    Its parameters are some of the task's, by name and type, and it is given the same.
    """
    floats = isinstance(body, MetalFunction) and body.floats
    mark: Callable[[F], F] = metal(role=InitializeRole(body), floats=floats)
    return mark


__all__ = [
    "FOREVER",
    "NOTHING",
    "Condition",
    "Counter",
    "Histogram",
    "Input",
    "Mutex",
    "Reader",
    "Receiver",
    "Semaphore",
    "Sender",
    "State",
    "Stream",
    "Writer",
    "copy_bytes",
    "copy_out",
    "finish",
    "initialize",
    "log",
    "log_bytes",
    "log_end",
    "log_part",
    "now",
    "panic",
    "periodic",
    "sleep_until",
    "task",
    "unwatch",
    "watch",
]
