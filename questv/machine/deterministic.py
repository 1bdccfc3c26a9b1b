"""Time on a deterministic machine: one clock for all its cores (docs/time.md).

An instruction takes a nanosecond, whichever core executes it. Cores that are busy have turns; one
that sleeps or pauses gives its turn away. The metronome, a timer that nobody hears, bounds them:
QEMU (from 8.1 on) divides what is left of its period among all the cores that the machine has, in
turn, and begins anew when the period is over.

Times are in nanoseconds of the machine. ``cores`` are all that the machine has, ``busy`` those that
have something to do. A machine with spare cores, on which nothing runs, is fairer.
"""

from __future__ import annotations

import math
from fractions import Fraction

METRONOME = 10_000
"""The shortest period. A shorter one makes turns shorter, and the host's time longer."""


def metronome(shortest_budget: int | None) -> int:
    """The metronome's period for tasks of which the shortest budget is this; None: some have none.

    Each beat costs the host as much as thousands of instructions, even while all cores sleep. Where
    all tasks have budgets it is enough that waiting for its turn takes a task less than half its
    own, whatever the other cores do.
    """
    return METRONOME if shortest_budget is None else max(METRONOME, shortest_budget // 2)


def metronome_word(period: int = METRONOME) -> str:
    """The word of the machine's command line by which the boot starts the metronome."""
    return f"metronome={period}"


def longest_turn(cores: int, period: int = METRONOME) -> int:
    """How long one core runs at most while another is ready to."""
    return period // cores


def longest_wait(cores: int, busy: int, period: int = METRONOME) -> int:
    """How long a core that has something to do waits at most for its turn.

    This is the jitter to allow for whatever happens on it, a timer's interrupt for example.
    """
    return (busy - 1) * longest_turn(cores, period)


def least_share(cores: int, busy: int) -> Fraction:
    """The part of the time that a busy core gets at least, in the long run: less than its share.

    A timer that is set makes QEMU divide anew what is left of the period, core by core: the second
    gets a part of what the first has left, and so on. Whoever is left out of that has only his
    share of what all the others leave.
    """
    return (1 - Fraction(1, cores)) ** (busy - 1) / busy


def longest_time(instructions: int, cores: int, busy: int, period: int = METRONOME) -> int:
    """How long a core takes at most for its own ``instructions``.

    So the periods and deadlines of a system that is tested like this are to be longer by 1 over
    ``least_share`` than on a machine whose cores run at once, with ``longest_wait`` to spare.
    """
    time = math.ceil(instructions / least_share(cores, busy))
    return time + longest_wait(cores, busy, period)
