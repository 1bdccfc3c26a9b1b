"""How a sandbox ends, and with the last of them the run."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import disable_interrupts, halt, out32, read_tsc
from questv.metal.lang import SEQ_CST, metal, u16, u32, u64
from questv.monitor.interface import SandboxState
from questv.monitor.memory import peers, plan, public

EXIT_RUN_ENDED = 0x10
"""What the debug-exit device is told when the run ends as planned."""


@metal
def end(state: SandboxState) -> NoReturn:
    """Publish a final state and park this core for good."""
    public.ended = read_tsc()
    # Sequentially consistent, as are the loads below: of two that end at the same time, at least
    # one sees the other's end.
    public.state.store(state, SEQ_CST)
    if plan.exit_port != 0 and _run_ended():
        out32(u16(plan.exit_port), u32(EXIT_RUN_ENDED))
    disable_interrupts()
    while True:
        halt()


@metal
def _run_ended() -> bool:
    for core in range(plan.core_count):
        if plan.until >> u64(core) & 1 != 0 and not _is_final(core):
            return False
    return True


@metal
def _is_final(core: u32) -> bool:
    state = peers[core].state.load(SEQ_CST)
    return (
        state == SandboxState.FINISHED
        or state == SandboxState.CRASHED
        or state == SandboxState.MONITOR_FAULT
    )
