"""What the kernel itself takes of a core's time, event by event."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """The longest that each of the kernel's own doings takes, in nanoseconds."""

    timer: int  # an interrupt of the timer, until the kernel has decided who goes on
    switch: int  # handing the core to another task
    doorbell: int  # a doorbell's interrupt, until the kernel has decided who goes on
    device: int  # a device's interrupt, likewise
    exit: int  # a guarded doorbell that is sent: the monitor has the core, and nothing interrupts
    move: int  # a move of one task, to a kernel and away again, for the task that moves others
    check: int  # when a kernel checks eight bytes of its memory
    look: int  # when that task looks after one for which there is nothing to do
    resolution: int  # how much later than asked for the timer interrupts
    source: str  # where these figures come from


FREE = Costs(0, 0, 0, 0, 0, 0, 0, 0, 0, "a machine whose kernel takes no time")
"""For examples of the literature, in which scheduling costs nothing."""

MEASURED = Costs(
    timer=400,
    switch=230,
    doorbell=500,
    device=5_000,
    exit=500,
    move=9_000,
    check=8,
    look=80,
    resolution=200,
    source="instructions of this kernel at a nanosecond each",
)
"""What this kernel takes at most, rounded up, by ``python -m benchmarks``.

``move`` and ``look`` are a quarter above what was seen, of a task whose budget is in many pieces. A
release, call and end of a task, a process too, is a ``timer`` and two times ``switch``. No figure
is behind ``device``: that a driver takes no longer is assumed.
"""
