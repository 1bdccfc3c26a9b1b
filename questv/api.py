"""What the kernel offers to tasks: ``from questv.api import ...``; docs/api.md shows it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from questv.channel.copy import copy_out
from questv.kernel.channels import NOTHING, Reader, Receiver, Sender, Writer
from questv.kernel.clock import now
from questv.kernel.doorbells import FOREVER
from questv.kernel.inputs import Input
from questv.kernel.log import log, log_bytes, log_end, log_part
from questv.kernel.panic import panic
from questv.kernel.streams import Stream
from questv.kernel.timers import sleep_until
from questv.metal.lang import metal
from questv.metal.runtime import memcpy as copy_bytes

F = TypeVar("F", bound=Callable[..., Any])

TASK = "task"
"""The role of functions that are tasks."""


@overload
def task(function: F) -> F: ...
@overload
def task(*, floats: bool = ...) -> Callable[[F], F]: ...


def task(function: F | None = None, *, floats: bool = False) -> F | Callable[[F], F]:
    """Mark a metal function as a task: the system description may name it.

    Its parameters are ends of channels, inputs, streams and integers, at most six; it returns when
    it has nothing more to do. With ``floats`` it, and what it calls, may use floating point.
    """
    mark: Callable[[F], F] = metal(role=TASK, floats=floats)
    return mark(function) if function is not None else mark


__all__ = [
    "FOREVER",
    "NOTHING",
    "Input",
    "Reader",
    "Receiver",
    "Sender",
    "Stream",
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
