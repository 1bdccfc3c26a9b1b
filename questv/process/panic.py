"""Giving up, with a report that says why."""

from __future__ import annotations

from typing import NoReturn

from questv.kernel.process_info import FAULT_TEXT
from questv.metal.lang import metal, text_bytes, trap, u64
from questv.process import calls


@metal
def panic(reason: str) -> NoReturn:
    """End this task; ``reason`` goes into the record of its end and on the console."""
    calls.give_up(u64(text_bytes(reason)), min(len(reason), FAULT_TEXT))
    trap()
