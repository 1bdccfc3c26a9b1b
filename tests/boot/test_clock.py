"""The measurement of the clocks is right though the machine stands still in the middle of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from questv.arch.x86.apic import ApicRegister
from questv.arch.x86.instructions import pause, read_tsc
from questv.arch.x86.machine import MachineFacts
from questv.boot import apic, clock, legacy, serial
from questv.boot.legacy import PIT_FREQUENCY
from questv.metal.interpret.events import Steps
from questv.metal.interpret.interpreter import Interpreter, Model
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program

TSC, APIC = 2_900_000_000, 1_000_000_000
LOOK = 20e-6
"""Seconds that a look at the interval timer takes."""
PROGRAM = Program()


class StoppedError(Exception):
    """The boot has ended."""


class Clocks:
    """A machine of clocks; before each of some looks at the interval timer it stands still."""

    def __init__(self, stalls: Mapping[int, float], *, apic_frequency: int = APIC) -> None:
        self.stalls, self.apic_frequency = stalls, apic_frequency
        self.time, self.looks = 1.0, 0
        self.started = {"pit": 0.0, "apic": 0.0}
        self.text = ""
        self.memory = Memory()
        models: dict[Any, Model] = {
            read_tsc: self._tsc,
            pause: self._pass,
            legacy.start_countdown: self._start_countdown,
            legacy.countdown: self._countdown,
            apic.read_apic: self._read_apic,
            apic.write_apic: self._write_apic,
            serial._put: self._put,
            serial.stop: self._stop,
        }
        self.domain = Interpreter(PROGRAM, self.memory, models=models)

    def calibrate(self) -> MachineFacts:
        """What the boot finds."""
        place = self.memory.reserve(bytes(MachineFacts())).start
        self.domain.run(clock.calibrate, place)
        return self.memory.view(MachineFacts, place)

    def _tsc(self) -> Steps[int]:
        yield from ()
        self.time += 1e-8
        return int(self.time * TSC)

    def _pass(self) -> Steps[None]:
        yield from ()

    def _start_countdown(self) -> Steps[None]:
        yield from ()
        self.started["pit"] = self.time

    def _countdown(self) -> Steps[int]:
        yield from ()
        self.time += LOOK + self.stalls.get(self.looks, 0)
        self.looks += 1
        return int(0xFFFF - (self.time - self.started["pit"]) * PIT_FREQUENCY) % 0x10000

    def _read_apic(self, _machine: int, register: int) -> Steps[int]:
        yield from ()
        assert register == ApicRegister.TIMER_CURRENT
        ticks = int((self.time - self.started["apic"]) * self.apic_frequency)
        return max(0xFFFF_FFFF - ticks, 0)

    def _write_apic(self, _machine: int, register: int, _value: int) -> Steps[None]:
        yield from ()
        if register == ApicRegister.TIMER_INITIAL:
            self.started["apic"] = self.time

    def _put(self, byte: int) -> Steps[None]:
        yield from ()
        self.text += chr(byte)

    def _stop(self) -> Steps[None]:
        yield from ()
        raise StoppedError


LOOKS = 70
"""More than one measurement takes."""


@pytest.mark.parametrize("stall", [0.0, 0.01, 0.0545, 0.0549, 0.056, 0.08, 0.1101, 5.0])
def test_a_stall_does_no_harm(stall: float) -> None:
    """One of any length at any moment of the first measurement; the timer comes round in 55 ms."""
    for look in range(LOOKS):
        facts = Clocks({look: stall}).calibrate()
        assert int(facts.tsc_frequency) == pytest.approx(TSC, rel=0.01)
        assert int(facts.apic_frequency) == pytest.approx(APIC, rel=0.01)


def test_two_stalls_do_no_harm() -> None:
    for second in range(60, 2 * LOOKS):
        facts = Clocks({30: 0.056, second: 0.075}).calibrate()
        assert int(facts.tsc_frequency) == pytest.approx(TSC, rel=0.01)


def test_a_machine_that_always_stalls_is_refused() -> None:
    clocks = Clocks({look: 0.056 + look % 97 / 1000 for look in range(0, 100_000, 20)})
    with pytest.raises(StoppedError):
        clocks.calibrate()
    assert clocks.text == (
        "questv: this machine's clocks run unevenly; "
        "use a host that is less busy, or another machine\r\n"
    )


def test_a_timer_that_does_not_count_is_refused() -> None:
    clocks = Clocks({}, apic_frequency=0)
    with pytest.raises(StoppedError):
        clocks.calibrate()
    assert "the local APIC's timer does not count" in clocks.text
