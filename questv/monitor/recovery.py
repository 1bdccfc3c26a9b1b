"""What is done about a fault: the policy, apart from how it is done."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import pause
from questv.metal.lang import SEQ_CST, Array, metal, static, u32, u64
from questv.monitor import clock, end, entry, evidence, restore, takeover
from questv.monitor.interface import Action, CrashRecord, SandboxState
from questv.monitor.memory import plan, public
from questv.monitor.plan import MAX_RESTARTS

_restarts: Array[u64, MAX_RESTARTS] = static()  # when: the nth in place n % limit


@metal
def handle(record: CrashRecord) -> NoReturn:
    """Do what the plan says of the fault that ``record`` describes."""
    if plan.recovery.standby != 0:
        takeover.release(record)
    limit = plan.recovery.limit
    if limit == 0:
        evidence.complete(record, Action.STOP)
        end.end(SandboxState.CRASHED)
    evidence.read_kernel(record)
    recent = _recent(record.time)
    if recent >= limit:
        evidence.complete(record, Action.STOP_STORM)
        end.end(SandboxState.CRASHED)
    _restarts[public.incarnation % limit] = record.time
    evidence.complete(record, Action.RESTART)
    # Sequentially consistent, as in ``end``: a sandbox that is being restarted has not ended.
    public.state.store(SandboxState.RESTARTING, SEQ_CST)
    _wait(clock.ticks(plan.recovery.back_off << u64(recent)))
    record.waited = clock.now()
    restore.memory()
    record.restored = clock.now()
    public.incarnation += 1
    restore.core(u64(public.incarnation))
    if end.run_ended(0):
        end.stop()  # the NMI that said so may be among the events that were dropped
    record.entered = clock.now()
    entry.begin_again(plan.stack_top)


@metal
def _recent(now: u64) -> u32:
    """How many of the last restarts are in the time that ends now."""
    window = clock.ticks(plan.recovery.window)
    recent: u32 = 0
    for i in range(min(public.incarnation, plan.recovery.limit)):
        if now - _restarts[i] < window:
            recent += 1
    return recent


@metal
def _wait(ticks: u64) -> None:
    """Let so much time pass, unless the run ends meanwhile."""
    start = clock.now()
    while clock.now() - start < ticks:
        if end.run_ended(0):
            end.stop()
        pause()
