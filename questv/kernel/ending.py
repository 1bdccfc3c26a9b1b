"""How a kernel ends that has not failed."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import console_port, scheduler, vcpus
from questv.kernel.hypercall import hypercall
from questv.kernel.status import status
from questv.metal.lang import metal
from questv.monitor.interface import Hypercall


@metal
def end_kernel(is_cut_off: bool) -> None:
    """Say that all tasks have ended, or that the time of the run is over. Interrupts are off."""
    if scheduler.choose() == status.running:  # else the core is idle
        vcpus.charge(read_tsc())
    console_port.send_all()
    hypercall(Hypercall.FINISHED, 1 if is_cut_off else 0, 0)
