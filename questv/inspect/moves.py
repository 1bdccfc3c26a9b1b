"""Tasks that move: where each is, and how it is asked to go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from questv.inspect.guest import Guest
from questv.kernel.moves import Holding, Move, Mover
from questv.kernel.processes import Process
from questv.metal.lang import ACQUIRE
from questv.metal.structs import offsetof
from questv.plan.model import MovePlan, Plan, ProcessPlan, SandboxPlan


@dataclass(frozen=True)
class MovingTask:
    """A task that moves, in its own sandbox; ``places`` are the sandboxes that it can be in."""

    sandbox: str
    name: str
    move: MovePlan

    @property
    def full_name(self) -> str:
        """Its name, with its sandbox's."""
        return f"{self.sandbox}.{self.name}"

    @property
    def places(self) -> list[str]:
        """Where it can be, its own sandbox first."""
        return [place.sandbox for place in self.move.places]


def moving_tasks(plan: Plan) -> list[MovingTask]:
    """All of them."""
    return [
        MovingTask(sandbox.name, sandbox.tasks[process.task].name, process.move)
        for sandbox in plan.sandboxes
        for process in sandbox.processes
        if process.move is not None and process.begins_here
    ]


def place_of(guest: Guest, task: MovingTask) -> str | None:
    """The sandbox that has a task now, or offers it to another; None if it has ended."""
    holder, holding = _word(guest, task)
    if holding == Holding.ENDED or holder >= len(task.places):
        return None
    return task.places[holder]


def is_there(guest: Guest, task: MovingTask, place: str) -> bool:
    """Whether a sandbox has a task, has said so for good, and has all that came with it."""
    _, holding = _word(guest, task)
    is_held = holding == Holding.HELD and place_of(guest, task) == place
    return is_held and bool(mover(guest, task, place).is_here)


def _word(guest: Guest, task: MovingTask) -> tuple[int, int]:
    """The holder's place, and how far it has the task; see ``kernel.moves``."""
    word = int(guest.at(Move, task.move.page).word.load(ACQUIRE))
    return word & 0xFF, word >> 16 & 0xFF


def mover(guest: Guest, task: MovingTask, place: str) -> Mover:
    """What the kernel of a place knows of a task."""
    sandbox, process = _process(guest.plan, task, place)
    found: Mover = guest.of(sandbox, Process, process.object).mover
    return found


def request(task: MovingTask, to: str | None) -> bytes:
    """The word that asks for a task to be moved; None withdraws it."""
    number = 0 if to is None else 1 + task.places.index(to)
    return number.to_bytes(8, "little")


def request_address(plan: Plan, task: MovingTask, place: str) -> int:
    """Where the kernel of a place looks for it, in physical memory."""
    sandbox, process = _process(plan, task, place)
    offset = int(offsetof(Process, "mover")) + int(offsetof(Mover, "request"))
    return sandbox.physical(process.object) + offset


def _process(plan: Plan, task: MovingTask, place: str) -> tuple[SandboxPlan, ProcessPlan]:
    sandbox = plan.sandbox(place)
    for process in sandbox.processes:
        if process.move is not None and process.move.page == task.move.page:
            return sandbox, process
    raise KeyError(place)
