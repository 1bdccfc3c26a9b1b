"""From a system's folder to its image, in one call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from questv.diagnostics import DiagnosticsError
from questv.plan.contents import contents
from questv.plan.devices import drivers
from questv.plan.image import image_hash, write_image
from questv.plan.layout import Layout
from questv.plan.model import Plan
from questv.plan.programs import MONITOR_MODULES, PROCESS_MODULES, Program, Programs
from questv.plan.sandboxes import TaskSandbox, plan_sandboxes
from questv.plan.stacks import check_monitor
from questv.plan.tasks import FolderTasks
from questv.system.description import Description, load
from questv.system.model import Isolation


@dataclass(frozen=True)
class BuiltSystem:
    """A system with its image. Times are in seconds.

    ``kernels`` has the kernels by sandbox, foreign ones if their files have symbols; ``processes``
    the programs of tasks that are processes, by their own names.
    """

    description: Description
    plan: Plan
    boot: Program
    monitor: Program
    kernels: dict[str, Program]
    processes: dict[str, Program]
    image: bytes
    compiled: list[str]
    seconds: dict[str, float] = field(compare=False)

    @property
    def hash(self) -> str:
        """The image's SHA-256."""
        return image_hash(self.image)


def build(path: Path, *, checks: bool = False) -> BuiltSystem:
    """Build the system at ``path``, a folder or its description; ``checks`` is a debug build.

    Raises DiagnosticsError or LinkError. Of what is wrong with a description that has its right
    shape, and with the Python beside it, all that can be told before linking is told at once.
    """
    clock = _Stopwatch()
    folder = FolderTasks(path if path.is_dir() else path.parent)
    programs = Programs(checks=checks)
    try:
        description = load(path, folder)
    except DiagnosticsError as error:
        findings = programs.findings(folder.modules)
        raise DiagnosticsError([*error.diagnostics, *findings]) from error
    clock.lap("check")
    tasks = [task for tasks in description.tasks.values() for task in tasks]
    modules = {folder.function(task.task.run).module for task in tasks}
    if any(task.task.isolation is Isolation.PROCESS for task in tasks):
        modules.update(PROCESS_MODULES)
    programs.compile(sorted(modules | {driver.module for driver in drivers(tasks)}))
    clock.lap("compile")
    boot, monitor = programs.boot(), programs.monitor()
    check_monitor(programs.depths(MONITOR_MODULES, {}))
    sandboxes = plan_sandboxes(description, folder, programs)
    clock.lap("link")
    plan = Layout(description, sandboxes, boot, monitor, checks=checks).plan
    kernels = {sandbox.name: program for sandbox in sandboxes if (program := sandbox.symbols_of())}
    loaded = {sandbox.name: sandbox.content() for sandbox in sandboxes}
    processes = {
        process.program.name: process.program
        for sandbox in sandboxes
        if isinstance(sandbox, TaskSandbox)
        for process in sandbox.processes.values()
    }
    blocks = contents(plan, boot, monitor, loaded, processes)
    carried = [boot, monitor, *kernels.values(), *processes.values()]
    image = write_image(description.system, plan, blocks, carried)
    clock.lap("plan")
    return BuiltSystem(
        description, plan, boot, monitor, kernels, processes, image, programs.compiled, clock.laps
    )


class _Stopwatch:
    """Seconds between calls of ``lap``."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = now - self._last
        self._last = now
