"""How fast this machine's clocks run, measured against the interval timer."""

from __future__ import annotations

from questv.arch.x86.apic import LVT_MASKED, TIMER_DIVIDE_BY_1, ApicRegister
from questv.arch.x86.instructions import pause, read_tsc
from questv.arch.x86.machine import MachineFacts
from questv.boot.apic import read_apic, write_apic
from questv.boot.legacy import PIT_FREQUENCY, countdown, start_countdown
from questv.boot.serial import say, stop
from questv.metal.lang import local, metal, u32, u64
from questv.metal.structs import Struct

WINDOW_TICKS = 1200
"""The measurement lasts this many ticks of the interval timer: about a millisecond."""
_SAMPLES = 8
_PATIENCE = 1_000_000


class Sample(Struct):
    """The three clocks at one moment; ``gap`` is how long the look took, in TSC ticks."""

    tsc: u64
    gap: u64
    apic: u64
    countdown: u64


@metal
def calibrate(machine: MachineFacts) -> None:
    """Measure the frequencies of the TSC and the local APIC's timer, and start time at zero."""
    write_apic(machine, ApicRegister.TIMER, LVT_MASKED)
    write_apic(machine, ApicRegister.TIMER_DIVIDE, TIMER_DIVIDE_BY_1)
    write_apic(machine, ApicRegister.TIMER_INITIAL, u32.MAX)
    start_countdown()
    first: Sample = local()
    last: Sample = local()
    _take(machine, first)
    _wait(first.countdown)
    _take(machine, last)
    write_apic(machine, ApicRegister.TIMER_INITIAL, 0)
    elapsed = first.countdown - last.countdown
    machine.tsc_frequency = (last.tsc - first.tsc) * PIT_FREQUENCY // elapsed
    machine.apic_frequency = (first.apic - last.apic) * PIT_FREQUENCY // elapsed
    machine.start_tsc = read_tsc()
    if machine.apic_frequency == 0 or machine.tsc_frequency == 0:
        say("the local APIC's timer does not count; Quest-V needs one on every core")
        stop()


@metal
def _take(machine: MachineFacts, best: Sample) -> None:
    """Sample the clocks; of several looks, keep the one that was disturbed least."""
    best.gap = u64.MAX
    for _ in range(u32(_SAMPLES)):
        before = read_tsc()
        apic = u64(read_apic(machine, ApicRegister.TIMER_CURRENT))
        count = u64(countdown())
        after = read_tsc()
        if after - before < best.gap:
            best.gap = after - before
            best.tsc = before
            best.apic = apic
            best.countdown = count


@metal
def _wait(start: u64) -> None:
    for _ in range(u32(_PATIENCE)):
        if start - u64(countdown()) >= WINDOW_TICKS:
            return
        pause()
    say("the interval timer (PIT) does not count; start the machine with one (QEMU: pit=on)")
    stop()
