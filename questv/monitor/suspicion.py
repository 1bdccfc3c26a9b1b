"""Whether a kernel hangs: asked by those who watch it, decided by its own monitor.

A kernel that misses another's signs of life asks its monitor, which interrupts the other core with
an NMI. That core's monitor looks for itself. So who lies costs the other a look, now and then.
"""

from __future__ import annotations

from questv.arch.x86.machine import MAX_CORES
from questv.metal.lang import RELAXED, SEQ_CST, Array, metal, static, u32, u64
from questv.monitor import apic, clock
from questv.monitor.interface import SandboxState
from questv.monitor.memory import peers, plan, public, pulse

_entered: u64 = static()  # TSC value when the kernel was entered
_asked: Array[u64, MAX_CORES] = static()  # likewise, when each core's monitor was last asked


# ---- of the own kernel -------------------------------------------------------------------------


@metal
def begin() -> None:
    """The kernel is about to be entered; it has its deadline's time for the first sign of life."""
    global _entered
    _entered = clock.now()


@metal
def silence() -> u64:
    """For how many ticks the kernel has given no sign of life, if that is too long; else 0.

    A sign from the future is none.
    """
    if plan.heartbeat.deadline == 0:
        return 0
    now = clock.now()
    last = pulse.time.load(RELAXED)
    if last > now or last < _entered:
        last = _entered
    if now - last > clock.ticks(plan.heartbeat.deadline):
        return now - last
    public.false_suspicions += 1
    return 0


# ---- of another's ------------------------------------------------------------------------------


@metal
def may_suspect(core: u64) -> bool:
    """Whether the plan lets this kernel watch that of a core."""
    return core < MAX_CORES and plan.heartbeat.watched >> core & 1 != 0


@metal
def suspect(core: u64) -> bool:
    """Ask a core's monitor to look after its kernel, not too often; false if that has ended."""
    state = peers[core].state.load(SEQ_CST)
    if u32(state) >= u32(SandboxState.FINISHED):
        return False
    now = clock.now()
    runs = state == SandboxState.ENTERED or state == SandboxState.STARTED
    if runs and now - _asked[core] >= clock.ticks(plan.heartbeat.gap):
        _asked[core] = now
        apic.send_nmi(u32(core))
    return True
