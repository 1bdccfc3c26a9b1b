"""How what a failed sandbox has left goes to another one, and never belongs to both.

The failed one's monitor does not enter its kernel any more, and publishes that it has *released*
what is left. That state is final. Only then the standby's monitor shows it to its own kernel, by
other nested tables. Each monitor writes its own state alone, and believes no kernel. An interrupt
tells the standby; it carries nothing, and may be lost, late, or come twice.
"""

from __future__ import annotations

from typing import NoReturn

from questv.metal.lang import SEQ_CST, metal
from questv.monitor import apic, clock, end, evidence, svm
from questv.monitor.interface import Action, CrashRecord, SandboxState
from questv.monitor.memory import peers, plan, public


@metal
def release(record: CrashRecord) -> NoReturn:
    """Let go of a kernel that has failed, for good, in favour of the standby if that has not ended.

    The standby may be yet to start, or about to be restarted: then it finds out by itself.
    """
    standby = plan.recovery.standby - 1
    if end.is_final(standby):
        evidence.complete(record, Action.STOP_ALONE)
        end.end(SandboxState.CRASHED)
    evidence.complete(record, Action.FAIL_OVER)
    apic.reset()
    # Nobody enters the kernel from here on: this function does not return, and a fault in it ends
    # in ``entry.exception``, which does not either. Whatever the kernel has written comes first.
    end.publish(SandboxState.RELEASED)
    apic.interrupt(standby, plan.recovery.bell)
    end.leave()


@metal
def announce() -> None:
    """Before a kernel is entered: interrupt it if what it waits for has come to pass already.

    The interrupt that told so is lost if this core could not take it then.
    """
    if _is_released():
        apic.interrupt(plan.core, plan.takeover.bell)


@metal
def take_over() -> bool:
    """Show the kernel what was released; false if it was not, or is shown already."""
    if not _is_released() or svm.has_view(plan.takeover.nested_tables):
        return False
    svm.set_view(plan.takeover.nested_tables)
    public.took_over = clock.now()
    return True


@metal
def _is_released() -> bool:
    """Whether this sandbox stands by for another one, whose monitor has let go of it.

    Sequentially consistent, as the store is: this core's APIC takes interrupts from before this on,
    so that either this sees the state, or the interrupt that follows it arrives.
    """
    if plan.takeover.core == 0:
        return False
    return peers[plan.takeover.core - 1].state.load(SEQ_CST) == SandboxState.RELEASED
