"""Files that the host put into this sandbox's memory before the boot.

Written by ``questv.process.mirror`` from ``questv/kernel/inputs.py``.
"""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.metal.lang import Array, Ptr, metal, static, u8, u64
from questv.metal.structs import Struct
from questv.process.info import INPUT_MAGIC, MAX_INPUTS, InputHeader, info


class Input(Struct):
    """A file's bytes, which nobody changes."""

    bytes: Ptr[u8]
    length: u64


inputs: Array[Input, MAX_INPUTS] = static(export="process_inputs")


@metal
def start() -> None:
    """Find every input of the plan; one that the host did not fill is empty."""
    for i in range(info.input_count):
        header = Ptr[InputHeader](info.inputs[i].header)[0]
        input = Ptr[Input](info.inputs[i].object)[0]
        input.bytes = Ptr[u8](info.inputs[i].header + PAGE_SIZE)
        input.length = header.length if header.magic == INPUT_MAGIC else 0
