"""What is offered to tasks that are processes: ``from questv.process import ...``.

A task's text is the same as with ``questv.api``; only what it imports says where it can run. A
process has no streams: what drives a device is a part of its kernel. Nor has it mutexes, which
would let it keep others from running.
"""

from __future__ import annotations

from questv.api import State, initialize, periodic, task
from questv.channel.copy import copy_out
from questv.kernel.counters import Counter, Histogram
from questv.metal.runtime import memcpy as copy_bytes
from questv.process.calls import finish, move_to
from questv.process.channels import NOTHING, Reader, Receiver, Sender, Writer
from questv.process.clock import now, sleep_until
from questv.process.console import log, log_bytes, log_end, log_part
from questv.process.doorbells import FOREVER
from questv.process.inputs import Input
from questv.process.panic import panic

__all__ = [
    "FOREVER",
    "NOTHING",
    "Counter",
    "Histogram",
    "Input",
    "Reader",
    "Receiver",
    "Sender",
    "State",
    "Writer",
    "copy_bytes",
    "copy_out",
    "finish",
    "initialize",
    "log",
    "log_bytes",
    "log_end",
    "log_part",
    "move_to",
    "now",
    "panic",
    "periodic",
    "sleep_until",
    "task",
]
