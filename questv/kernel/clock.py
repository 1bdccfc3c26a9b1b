"""Time: nanoseconds since the machine's start, from the time-stamp counter."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel.info import info
from questv.metal.lang import metal, multiply_high, static, u64

NANOSECONDS = 1_000_000_000

# Factors in units of 2**-32, set by ``start``.
_per_tick: u64 = static(0)  # nanoseconds per tick of the TSC
_per_nanosecond: u64 = static(0)  # ticks of the TSC per nanosecond
_apic_per_tick: u64 = static(0)  # ticks of the APIC's timer per tick of the TSC


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
    """``of / to`` in units of 2**-32; both below 2**32 times the other."""
    return of // to << 32 | (of % to << 32) // to


@metal(inline=True)
def scale(value: u64, factor: u64) -> u64:
    """``value * factor / 2**32``, in full precision."""
    return multiply_high(value, factor) << 32 | value * factor >> 32


@metal
def now() -> u64:
    """Nanoseconds since the machine's start."""
    return scale(read_tsc() - info.machine.start_tsc, _per_tick)


@metal
def to_tsc(nanoseconds: u64) -> u64:
    """The time-stamp counter at a moment given in nanoseconds since the machine's start."""
    return info.machine.start_tsc + scale(nanoseconds, _per_nanosecond)


@metal
def to_nanoseconds(tsc: u64) -> u64:
    """The moment, in nanoseconds since the machine's start, of a time-stamp counter's value."""
    return scale(tsc - info.machine.start_tsc, _per_tick)


@metal(inline=True)
def to_apic_ticks(tsc_ticks: u64) -> u64:
    """A stretch of time in ticks of the APIC's timer."""
    return scale(tsc_ticks, _apic_per_tick)
