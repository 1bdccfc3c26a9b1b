"""How fast this machine's clocks run, measured against the interval timer."""

from __future__ import annotations

from questv.arch.x86.apic import LVT_MASKED, TIMER_DIVIDE_BY_1, ApicRegister
from questv.arch.x86.instructions import pause, read_tsc
from questv.arch.x86.machine import MachineFacts
from questv.boot.apic import read_apic, write_apic
from questv.boot.legacy import PIT_FREQUENCY, countdown, start_countdown
from questv.boot.serial import say, stop
from questv.metal.lang import local, metal, u16, u32, u64
from questv.metal.structs import Struct

WINDOW_TICKS = 1200
"""The measurement lasts this many ticks of the interval timer: about a millisecond."""
_SAMPLES = 8
_PATIENCE = 1_000_000
_ATTEMPTS = 50
_TOLERANCE = 100  # two measurements agree if they differ by no more than a hundredth


class Sample(Struct):
    """The three clocks at one moment; ``gap`` is how long the look took, in TSC ticks."""

    tsc: u64
    gap: u64
    apic: u64
    countdown: u16


class Frequencies(Struct):
    """What one measurement found, in hertz."""

    tsc: u64
    apic: u64


@metal
def calibrate(machine: MachineFacts) -> None:
    """Measure the frequencies of the TSC and the local APIC's timer, and start time at zero.

    Two measurements in a row must agree: an emulator or a hypervisor can stop the machine for
    longer than the interval timer counts, and the one that this happens in is wrong at random.
    """
    write_apic(machine, ApicRegister.TIMER, LVT_MASKED)
    write_apic(machine, ApicRegister.TIMER_DIVIDE, TIMER_DIVIDE_BY_1)
    last: Frequencies = local()
    found: Frequencies = local()
    _measure(machine, last)
    for _ in range(u32(_ATTEMPTS)):
        _measure(machine, found)
        if _agree(found.tsc, last.tsc) and _agree(found.apic, last.apic):
            _start(machine, found)
            return
        last.tsc = found.tsc
        last.apic = found.apic
    say("this machine's clocks run unevenly; use a host that is less busy, or another machine")
    stop()


@metal
def _agree(one: u64, other: u64) -> bool:
    return max(one, other) - min(one, other) <= max(one, other) // _TOLERANCE


@metal
def _start(machine: MachineFacts, found: Frequencies) -> None:
    if found.apic == 0 or found.tsc == 0:
        say("the local APIC's timer does not count; Quest-V needs one on every core")
        stop()
    machine.tsc_frequency = found.tsc
    machine.apic_frequency = found.apic
    machine.start_tsc = read_tsc()


@metal
def _measure(machine: MachineFacts, found: Frequencies) -> None:
    write_apic(machine, ApicRegister.TIMER_INITIAL, u32.MAX)
    start_countdown()
    first: Sample = local()
    last: Sample = local()
    _take(machine, first)
    _wait(first.countdown)
    _take(machine, last)
    write_apic(machine, ApicRegister.TIMER_INITIAL, 0)
    # Not zero, not even if the machine stood still until the count came round.
    elapsed = max(_elapsed(first.countdown, last.countdown), 1)
    found.tsc = (last.tsc - first.tsc) * PIT_FREQUENCY // elapsed
    found.apic = (first.apic - last.apic) * PIT_FREQUENCY // elapsed


@metal
def _elapsed(start: u16, end: u16) -> u64:
    """Ticks of the interval timer, which counts down and on from 65,535."""
    return u64(start) - u64(end) & 0xFFFF


@metal
def _take(machine: MachineFacts, best: Sample) -> None:
    """Sample the clocks; of several looks, keep the one that was disturbed least."""
    best.gap = u64.MAX
    for _ in range(u32(_SAMPLES)):
        before = read_tsc()
        apic = u64(read_apic(machine, ApicRegister.TIMER_CURRENT))
        count = countdown()
        after = read_tsc()
        if after - before < best.gap:
            best.gap = after - before
            best.tsc = before
            best.apic = apic
            best.countdown = count


@metal
def _wait(start: u16) -> None:
    for _ in range(u32(_PATIENCE)):
        if _elapsed(start, countdown()) >= WINDOW_TICKS:
            return
        pause()
    say("the interval timer (PIT) does not count; start the machine with one (QEMU: pit=on)")
    stop()
