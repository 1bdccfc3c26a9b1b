"""How a sandbox ends, and with the last of those that matter the run."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import disable_interrupts, halt, out32, pause
from questv.metal.lang import SEQ_CST, metal, u16, u32, u64
from questv.monitor import apic, clock, svm
from questv.monitor.interface import SandboxState
from questv.monitor.memory import peers, plan, public

EXIT_RUN_ENDED = 0x10
"""What the debug-exit device is told when the run ends as planned."""

_PATIENCE_MILLISECONDS = 100
_NANOSECONDS = 1_000_000_000


@metal
def end(state: SandboxState) -> NoReturn:
    """Publish a final state and park this core for good; the last one ends the run."""
    publish(state)
    leave()


@metal
def leave() -> NoReturn:
    """Park this core for good, after a final state was published; the last one ends the run."""
    if plan.machine.run_nanoseconds != 0:
        _await_run_end()
    if run_ended(_patience()):
        _stop_others()
        # The others are parked by now, save who does the same as this core or can't be stopped:
        # an emulator may go on for a while after this.
        out32(u16(plan.exit_port), u32(EXIT_RUN_ENDED))
    park()


@metal
def stop() -> NoReturn:
    """Park this core because the run has ended."""
    publish(SandboxState.CUT_OFF)
    park()


@metal
def run_ended(grace: u64) -> bool:
    """Whether every sandbox has ended whose end the run waits for, or the run's time is over.

    Kernels end by themselves when the time is over; who has to wait for them gives them some
    ``grace``, in ticks of the TSC.
    """
    for core in range(plan.core_count):
        if plan.until >> u64(core) & 1 != 0 and not is_final(core):
            return _is_time_over(grace)
    return True


@metal
def _is_time_over(grace: u64) -> bool:
    limit = plan.machine.run_nanoseconds
    frequency = plan.machine.tsc_frequency
    elapsed = clock.now() - plan.machine.start_tsc
    elapsed -= min(elapsed, grace)
    seconds = elapsed // frequency
    rest = elapsed % frequency * _NANOSECONDS // frequency
    return limit != 0 and seconds * _NANOSECONDS + rest >= limit


@metal
def _patience() -> u64:
    return plan.machine.tsc_frequency // 1000 * _PATIENCE_MILLISECONDS


@metal
def _await_run_end() -> None:
    """Look now and then whether the run has ended: a kernel that hangs must not outlast its time.

    The timer, which is this core's kernel's no more, interrupts its sleep. If an NMI comes right
    before the sleep, there will be another.
    """
    disable_interrupts()
    apic.start_nmis()
    while not run_ended(_patience()):
        svm.halt_until_nmi()


@metal
def publish(state: SandboxState) -> None:
    """Let everybody know this sandbox's final state."""
    public.ended = clock.now()
    # Sequentially consistent, as are the loads of others' states: of two that end at the same
    # time, at least one sees the other's end.
    public.state.store(state, SEQ_CST)


@metal
def park() -> NoReturn:
    """Do nothing more on this core."""
    disable_interrupts()
    while True:
        halt()


@metal
def is_final(core: u32) -> bool:
    """Whether a core's sandbox has ended for good."""
    return u32(peers[core].state.load(SEQ_CST)) >= u32(SandboxState.FINISHED)


@metal
def _is_entered(core: u32) -> bool:
    return peers[core].state.load(SEQ_CST) != SandboxState.EMPTY


@metal
def _stop_others() -> None:
    """Have the monitors of all sandboxes that still run park their cores, and wait for it."""
    deadline = clock.now() + _patience()
    told: u64 = 0
    running = plan.sandboxes
    while running != 0 and clock.now() < deadline:
        for core in range(plan.core_count):
            bit = u64(1) << u64(core)
            if running & bit != 0 and is_final(core):
                running &= ~bit
            # Until a core is about to enter its kernel, it has nothing that keeps an NMI for it.
            if running & ~told & bit != 0 and _is_entered(core):
                told |= bit
                apic.send_nmi(core)
        pause()
