"""The step from the boot's page tables into a monitor's."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import halt
from questv.boot.entry import top_table
from questv.boot.plan import BootPlan, CorePlan
from questv.metal.lang import Ptr, asm, metal, trap, u64


@metal
def map_monitors(plan: BootPlan) -> None:
    """Let the boot's tables show some monitor where every monitor's own tables show it.

    All monitors have the same code at the same virtual address. The instruction that switches to
    a monitor's own tables lies in that code, so the next one is found there as well.
    """
    slot = plan.monitor_slot
    for core in range(plan.core_count):
        if plan.cores[core].entry != 0:
            top_table[slot] = Ptr[u64](plan.cores[core].tables)[slot]
            return


@metal
def enter_monitor(core: CorePlan) -> NoReturn:
    """Leave the boot for good; a core that the plan does not use sleeps for ever."""
    while core.entry == 0:
        halt()
    asm("jmp $0", None, "r,{rdi},{rsi}", core.entry, core.tables, core.stack)
    trap()
