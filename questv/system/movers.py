"""Tasks that move, as the kernels have them that they can be in, and what moves them."""

from __future__ import annotations

from questv.diagnostics import Place
from questv.system.model import Migration, Task
from questv.system.tasks import TaskSignature

MIGRATION = "[migration]"
"""The name of the kernel's own task that moves others, which no task of a description can have."""


def guest_name(home: str, task: str) -> str:
    """What a task is called in a kernel that is not its own."""
    return f"{home}.{task}"


def as_guest(home: str, task: Task) -> Task:
    """A task of the sandbox ``home`` as another kernel has it."""
    return task.model_copy(update={"name": guest_name(home, task.name)})


def migration_task(time: Migration) -> Task:
    """What moves tasks, as if it were a task with this budget."""
    return Task.model_construct(
        name=MIGRATION, run="questv:migration", period=time.period, budget=time.budget
    )


def migration_signature(place: Place) -> TaskSignature:
    """Of its function, which is called once and takes nothing."""
    return TaskSignature("migration", place, {}, {}, floats=False)
