"""The whole order of the boot, on one page."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.pvh import StartInfo
from questv.boot import (
    clock,
    cores,
    image,
    legacy,
    madt,
    memory,
    options,
    probe,
    processor,
    routes,
    serial,
)
from questv.boot.enter import enter_monitor, map_monitors
from questv.boot.madt import Madt
from questv.boot.serial import plan
from questv.metal.lang import metal, static, u32, u64

machine: MachineFacts = static(export="boot_machine")
tables: Madt = static()


@metal(export="boot_main")
def main(start: StartInfo) -> NoReturn:
    """The first core, from the firmware to its monitor; ``start`` is what the firmware says."""
    # Nothing may interrupt: a stray tick of the old timer would find no handler.
    legacy.mask_interrupts()
    serial.start()

    # Is this the machine and the image that the plan was made for?
    processor.check_checksums()
    image.verify_plan(plan)
    memory.check(start, plan)
    image.verify(plan)
    processor.check(machine, plan)
    madt.find(start, tables)
    cores.find(tables, machine)
    cores.check(machine, plan)

    # What the operator asked for, on the machine's command line.
    metronome = options.number(start, "metronome=")
    machine.run_nanoseconds = options.number(start, "for=")
    if metronome != 0:
        legacy.start_metronome(metronome)

    # Proof that the walls hold, and then time: from its start the facts are complete.
    probe.run(machine, plan)
    clock.calibrate(machine)

    # Every device's interrupt goes straight to the core of the sandbox that drives it.
    routes.lay(tables, machine, plan)

    # Every monitor and kernel gets the facts; from here on each core is on its own, but
    # that the later ones first say what their clocks do.
    cores.publish(machine, plan)
    map_monitors(plan)
    cores.start_others(machine, plan)
    enter_monitor(plan.cores[machine.first_core])


@metal(export="boot_core_main")
def core_main(core: u64) -> NoReturn:
    """A later core, from its first instruction in 64-bit mode to its monitor."""
    processor.check_features(machine)
    cores.join(plan, u32(core))
    enter_monitor(plan.cores[core])
