"""Where a kernel starts: the whole order on one page."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import (
    channels,
    clock,
    console_port,
    events,
    floats,
    heartbeats,
    incarnation,
    inputs,
    jobs,
    lapic,
    mutexes,
    processes,
    spaces,
    states,
    streams,
    tables,
    takeover,
    tasks,
    timers,
    vcpus,
)
from questv.kernel.hypercall import hypercall
from questv.kernel.status import status
from questv.metal.lang import metal, module_assembly, u64
from questv.monitor.interface import Hypercall

module_assembly(
    """
.section .text.kernel_entry,"ax",@progbits
.globl kernel_entry
.type kernel_entry,@function
kernel_entry:                       # in 64-bit mode, on the plan's page tables and stack; rdi:
                                    # the incarnation's number
    xor ebp, ebp                    # the end of every stack trace
    push rbp
    call kernel_main
    ud2
.size kernel_entry, . - kernel_entry
"""
)


@metal(export="kernel_main")
def main(number: u64) -> None:
    """Set the core up, say that the kernel runs, and give the core to the tasks.

    ``number`` is this incarnation's.
    """
    incarnation.start(number)
    tables.install()
    tasks.prepare()  # from here on the console knows whose line is written, also of a panic
    console_port.start()
    lapic.start()
    clock.start()
    events.start()
    timers.start()
    vcpus.start()
    jobs.start()
    states.start(incarnation.number)
    mutexes.start()
    tasks.start()
    channels.start()
    takeover.start()
    inputs.start()
    streams.start()
    floats.start()
    spaces.start()
    processes.start()
    heartbeats.start()
    hypercall(Hypercall.STARTED, 0, 0)
    status.started = read_tsc()
    tasks.run()
