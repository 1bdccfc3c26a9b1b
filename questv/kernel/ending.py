"""How a kernel ends that has not failed."""

from __future__ import annotations

from questv.kernel import console_port
from questv.kernel.hypercall import hypercall
from questv.metal.lang import metal
from questv.monitor.interface import Hypercall


@metal
def end_kernel(is_cut_off: bool) -> None:
    """Say that all tasks have ended, or that the time of the run is over. Interrupts are off."""
    console_port.send_all()
    hypercall(Hypercall.FINISHED, 1 if is_cut_off else 0, 0)
