"""A monitor stays small enough to be read, and to be trusted."""

from __future__ import annotations

import pytest

from questv.inspect.sizes import monitor_size
from questv.plan.programs import MONITOR_MODULES, Programs
from questv.plan.stacks import MONITOR_STACK, check_monitor

MEMORY = {"memcpy", "memmove", "memset"}
PACKAGES = ("questv.monitor.", "questv.arch.x86.", "monitor_")


@pytest.mark.parametrize("checks", [False, True], ids=["release", "debug"])
def test_size(checks: bool) -> None:
    programs = Programs(checks=checks)
    programs.compile([])
    monitor = programs.monitor()
    size = monitor_size(monitor)
    assert 0 < size.lines <= 1800
    assert 0 < size.code <= 12 << 10
    # Nothing is in it but what was counted, its processor's basics, and memory functions.
    text = next(segment for segment in monitor.segments if segment.name == "text")
    functions = {
        name
        for name, symbol in monitor.symbols.by_name.items()
        if symbol.size and text.address <= symbol.address < text.address + text.size
    }
    assert "questv.monitor.exits._hypercall" in functions
    assert {name for name in functions if not name.startswith(PACKAGES)} <= MEMORY
    assert 0 < check_monitor(programs.depths(MONITOR_MODULES, {})) <= MONITOR_STACK
