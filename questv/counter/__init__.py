"""Counts the instructions of each core of an emulated machine, from outside of it.

::

    with InstructionCounter([start, end]) as counter:
        options = MachineOptions(image=image, memory=memory, extra=counter.arguments)
        with Machine(options) as machine:
            machine.wait()
        print(counter.instructions(core=0), counter.intervals(start, end))
"""

from __future__ import annotations

from questv.counter.counter import InstructionCounter, Mark

__all__ = ["InstructionCounter", "Mark"]
