"""Signs of life: where each kernel gives them, and who sees them."""

from __future__ import annotations

from collections.abc import Iterator

from questv.arch.x86.paging import PAGE_SIZE
from questv.plan import addresses
from questv.plan.model import HeartbeatPlan, Owner, Region, WatchedPlan, Window
from questv.plan.physical import PhysicalMemory
from questv.plan.windows import make_window
from questv.system.description import Description
from questv.system.model import Heartbeat, suspicion_gap


class Heartbeats:
    """Those of all sandboxes that have one: a page for each."""

    def __init__(self, description: Description, memory: PhysicalMemory) -> None:
        """Give out the pages."""
        self._system, self._cores = description.system, description.cores
        self._told: dict[str, Heartbeat] = {
            sandbox.name: sandbox.heartbeat
            for sandbox in description.system.sandboxes
            if sandbox.heartbeat is not None
        }
        self._pages: dict[str, Region] = {
            name: memory.take(f"heartbeat of {name}", Owner.HEARTBEAT, name, PAGE_SIZE)
            for name in self._told
        }

    def plan(self, sandbox: str) -> HeartbeatPlan | None:
        """What is planned for one sandbox, None if it has no heartbeat."""
        told = self._told.get(sandbox)
        if told is None:
            return None
        return HeartbeatPlan(
            physical=self._pages[sandbox].start,
            address=addresses.KERNEL_PULSES,
            period=told.period,
            deadline=told.patience,
            watched=tuple(
                WatchedPlan(
                    sandbox=name,
                    core=self._cores[name],
                    address=addresses.KERNEL_PULSES + place * PAGE_SIZE,
                    deadline=self._told[name].patience,
                )
                for place, name in enumerate(told.watches, start=1)
            ),
            gap=suspicion_gap(self._system, told),
            checked=told.checks or 0,
        )

    def kernel_windows(self, sandbox: str) -> Iterator[Window]:
        """What a kernel sees of them: it writes its own, and reads those that it watches."""
        plan = self.plan(sandbox)
        if plan is not None:
            yield make_window("heartbeat", plan.address, PAGE_SIZE, "rw", plan.physical)
            for each in plan.watched:
                page = self._pages[each.sandbox].start
                name = f"heartbeat of {each.sandbox}"
                yield make_window(name, each.address, PAGE_SIZE, "r", page)

    def monitor_windows(self, sandbox: str) -> Iterator[Window]:
        """What a monitor sees: the signs of its own kernel."""
        if sandbox in self._pages:
            page = self._pages[sandbox].start
            yield make_window("heartbeat", addresses.MONITOR_PULSE, PAGE_SIZE, "r", page)
