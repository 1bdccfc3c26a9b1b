"""What each kernel is told of the tasks that move: the others, and how long things take there."""

from __future__ import annotations

from questv.admission.model import NORMAL, Kernel
from questv.admission.response import Response
from questv.plan.doorbells import Bells
from questv.plan.model import MovePlan, PlacePlan
from questv.plan.processes import PlannedProcess
from questv.system.description import Description
from questv.system.movers import MIGRATION, guest_name
from questv.system.promises import promises
from questv.system.workload import COSTS

_TURNS = 4
"""For each move: the task comes, somebody asks for it, it is offered, and the answer comes."""


def service(period: int, budget: int, cost: int, taken: int = 0) -> int:
    """Nanoseconds in which work of this ``cost`` is done by a server that keeps its promise.

    I. Shin, I. Lee, "Periodic Resource Model for Compositional Real-Time Guarantees", RTSS 2003: at
    worst its budget has just been used at the begin of a period, and comes at the end of the next.
    ``taken`` is what the kernel itself takes of each budget at most; admission sees to it that
    something is left. Quest's condition, ``cost // budget * period + cost % budget``, is for a
    server whose budget is whole and that nothing more urgent keeps from the core.
    """
    rounds = -(-cost // (budget - taken))
    return (rounds + 1) * (period - budget) + cost + rounds * taken


class Moves:
    """What is known of all places."""

    def __init__(self, description: Description, bells: Bells) -> None:
        """Look at what was promised, if any task moves."""
        self._bells, self._cores = bells, description.cores
        self._services: dict[str, int] = {}
        self._responses: dict[tuple[str, str], int] = {}
        has_any = any(each.migration is not None for each in description.system.sandboxes)
        for kernel in promises(description, COSTS).kernels if has_any else ():
            for response in kernel.responses:
                if response.mode == NORMAL and response.bound is not None:
                    self._note(kernel.kernel, response, response.bound)

    def _note(self, kernel: Kernel, response: Response, bound: int) -> None:
        """How long a task takes in a kernel; of the one that moves others also for its part."""
        task = response.task.name
        self._responses[kernel.name, task] = bound
        if task == MIGRATION:
            own = kernel.vcpu(task)
            # All that move may do so at once, each in turns of its own that look after all others.
            count = len(kernel.guests)
            work = count * (COSTS.move + _TURNS * (count - 1) * COSTS.look)
            self._services[kernel.name] = service(own.period, own.budget, work, response.kernel)

    def plan(self, sandbox: str, process: PlannedProcess, page: int) -> MovePlan:
        """What ``sandbox`` is told of a process whose kernels share ``page``."""
        home, *_ = process.places
        own_name = process.name.removeprefix(guest_name(home, ""))
        return MovePlan(
            page=page,
            address=process.moves,
            own=process.places.index(sandbox),
            places=tuple(
                PlacePlan(
                    sandbox=other,
                    core=self._cores[other],
                    vector=self._bells.of_move(sandbox, other),
                    bell=self._bells.of_move(other, sandbox),
                    response=self._responses[
                        other, own_name if other == home else guest_name(home, own_name)
                    ],
                    service=self._services[other],
                )
                for other in process.places
            ),
        )
