"""What a process is told by its kernel and by the builder."""

from __future__ import annotations

from questv.kernel.info import INPUT_MAGIC, EndInfo, EndKind, InputHeader
from questv.kernel.info import MAX_ARGUMENTS as MAX_ENDS
from questv.kernel.info import MAX_ARGUMENTS as MAX_INPUTS
from questv.kernel.process_info import ProcessInfo
from questv.metal.lang import external

info: ProcessInfo = external("process_info")

__all__ = [
    "INPUT_MAGIC",
    "MAX_ENDS",
    "MAX_INPUTS",
    "EndInfo",
    "EndKind",
    "InputHeader",
    "info",
]
