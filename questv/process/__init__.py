"""What is offered to tasks that are processes: ``from questv.process import ...``.

A task's text is the same as with ``questv.api``; only what it imports says where it can run. A
process has no streams: what drives a device is a part of its kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from questv.channel.copy import copy_out
from questv.metal.lang import metal
from questv.metal.runtime import memcpy as copy_bytes
from questv.process.calls import sleep_until
from questv.process.channels import NOTHING, Reader, Receiver, Sender, Writer
from questv.process.clock import now
from questv.process.console import log, log_bytes, log_end, log_part
from questv.process.doorbells import FOREVER
from questv.process.inputs import Input
from questv.process.panic import panic

F = TypeVar("F", bound=Callable[..., Any])

PROCESS = "process"
"""The role of functions that are tasks in processes."""


@overload
def task(function: F) -> F: ...
@overload
def task(*, floats: bool = ...) -> Callable[[F], F]: ...


def task(function: F | None = None, *, floats: bool = False) -> F | Callable[[F], F]:
    """Mark a metal function as a task that is a process: as ``questv.api.task`` otherwise."""
    mark: Callable[[F], F] = metal(role=PROCESS, floats=floats)
    return mark(function) if function is not None else mark


__all__ = [
    "FOREVER",
    "NOTHING",
    "Input",
    "Reader",
    "Receiver",
    "Sender",
    "Writer",
    "copy_bytes",
    "copy_out",
    "log",
    "log_bytes",
    "log_end",
    "log_part",
    "now",
    "panic",
    "sleep_until",
    "task",
]
