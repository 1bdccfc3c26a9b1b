"""Time: nanoseconds since the machine's start, from the time-stamp counter."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel.info import info
from questv.metal.lang import metal, multiply_high, static, u64

NANOSECONDS = 1_000_000_000

# Factors in units of 2**-56, rounded up and all below 256; set by ``start``. They are so fine that
# a clock which runs for years stays within nanoseconds of what it should say.
_per_tick: u64 = static(0)  # nanoseconds per tick of the TSC
_per_nanosecond: u64 = static(0)  # ticks of the TSC per nanosecond
_apic_per_tick: u64 = static(0)  # ticks of the APIC's timer per tick of the TSC

_FRACTION_BITS = 56


@metal
def start() -> None:
    """Work out the factors between the machine's clocks."""
    global _per_tick, _per_nanosecond, _apic_per_tick
    tsc = info.machine.tsc_frequency
    _per_tick = _ratio(NANOSECONDS, tsc)
    _per_nanosecond = _ratio(tsc, NANOSECONDS)
    _apic_per_tick = _ratio(info.machine.apic_frequency, tsc)


@metal
def _ratio(of: u64, to: u64) -> u64:
    """``of / to`` as a factor; ``to`` is below 2**63."""
    quotient = of // to
    rest = of % to
    for _ in range(u64(_FRACTION_BITS)):
        rest *= 2
        quotient *= 2
        if rest >= to:
            rest -= to
            quotient += 1
    return quotient + 1


@metal
def per_tick() -> u64:
    """The factor from ticks of the time-stamp counter to nanoseconds."""
    return _per_tick


@metal(inline=True)
def scale(value: u64, factor: u64) -> u64:
    """``value`` times a factor, rounded down; the result must be below 2**64."""
    return multiply_high(value, factor) << 64 - _FRACTION_BITS | value * factor >> _FRACTION_BITS


@metal
def now() -> u64:
    """Nanoseconds since the machine's start."""
    return to_nanoseconds(read_tsc())


@metal
def to_tsc(nanoseconds: u64) -> u64:
    """The time-stamp counter from when on ``now`` is at least ``nanoseconds``.

    Its greatest value, which never comes, for a moment that is beyond what it can count.
    """
    start = info.machine.start_tsc
    if multiply_high(nanoseconds, _per_nanosecond) >> _FRACTION_BITS != 0:
        return u64.MAX
    ticks = scale(nanoseconds, _per_nanosecond)
    return start + ticks + 1 if ticks < u64.MAX - start else u64.MAX


@metal(inline=True)
def to_nanoseconds(tsc: u64) -> u64:
    """The moment, in nanoseconds since the machine's start, of a time-stamp counter's value.

    Zero for an earlier one: this core's counter may be a little behind the first core's.
    """
    start = info.machine.start_tsc
    return scale(tsc - start, _per_tick) if tsc > start else 0


@metal(inline=True)
def duration_to_tsc(nanoseconds: u64) -> u64:
    """A stretch of time in ticks of the time-stamp counter."""
    return scale(nanoseconds, _per_nanosecond)


@metal
def from_apic_ticks(ticks: u64) -> u64:
    """A stretch of time in ticks of the time-stamp counter, give or take a few."""
    return scale(ticks, _ratio(info.machine.tsc_frequency, info.machine.apic_frequency))


@metal(inline=True)
def to_apic_ticks(tsc_ticks: u64) -> u64:
    """A stretch of time in ticks of the APIC's timer."""
    return scale(tsc_ticks, _apic_per_tick)
