"""What asks for tasks to move."""

from __future__ import annotations

from questv.api import periodic
from questv.kernel import movers, processes
from questv.kernel.info import info
from questv.metal.lang import u64


@periodic(period="930 us", budget="40 us")
def drive(place: u64) -> None:
    """Ask for every task that is here to go to the other place."""
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            movers.request(processes.of_task(u64(i)), place)
