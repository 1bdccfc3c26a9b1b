"""Which run of a campaign has which fault: a pure function of the system, a seed and a number."""

from __future__ import annotations

from collections.abc import Sequence

from questv.faults.draw import Draws, draw_fault, draw_moment
from questv.faults.laboratory import Injection, Laboratory
from questv.faults.model import DOORBELLS, FaultError, Kind


def choose(
    laboratory: Laboratory, seed: int, run: int, sandboxes: Sequence[str], kinds: Sequence[Kind]
) -> Injection:
    """The fault of a run: a sandbox, one of the kinds that it can have, and a moment of its own.

    Raises FaultError if it can have none of them.
    """
    draws = Draws(seed, run)
    sandbox = draws.choice(sandboxes)
    reference = laboratory.reference(sandbox)
    possible = [kind for kind in kinds if reference.doorbell or kind not in DOORBELLS]
    if not possible:
        raise FaultError(
            f"'{sandbox}' sends no doorbell, and no other fault is asked for",
            "leave it out, or ask for other faults",
        )
    kind = draws.choice(possible)
    fault = draw_fault(draws, kind, reference.used)
    when = draw_moment(draws, kind, reference.instructions, reference.doorbell)
    return Injection(sandbox, fault, when)
