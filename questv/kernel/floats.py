"""The floating-point registers of tasks that use them.

Kernels, and tasks without floats, are compiled to leave these registers alone. So they are saved
only when another task that uses floats gets the core.
"""

from __future__ import annotations

from questv.arch.x86.instructions import (
    read_cr0,
    read_cr4,
    restore_floats,
    save_floats,
    write_cr0,
    write_cr4,
)
from questv.arch.x86.registers import Cr0, Cr4
from questv.kernel.info import info
from questv.metal.lang import Ptr, clear, metal, static, u16, u32, u64
from questv.metal.structs import Struct, at

_CONTROL_RESET = 0x37F
_MXCSR_RESET = 0x1F80


class FloatState(Struct, size=512):
    """What FXSAVE stores (APM vol. 2, 11.4.4); zeros, but for the control words, at a task's start.

    Both control words mask every exception: a division by zero gives an infinity.
    """

    control: u16 = at(0)
    mxcsr: u32 = at(24)


_in_processor: u64 = static(0)  # address of the state that the registers stand for; 0: of nobody's


@metal
def start() -> None:
    """Let tasks that use floats do so (APM vol. 2, 3.1.1 and 3.1.3), each from a fresh state."""
    for i in range(info.task_count):
        if info.tasks[i].float_state != 0:
            write_cr0(read_cr0() | u64(Cr0.MONITOR_COPROCESSOR))
            write_cr4(read_cr4() | u64(Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS))
            state = Ptr[FloatState](info.tasks[i].float_state)[0]
            clear(state)  # on a stack, which an earlier incarnation may have used
            state.control = _CONTROL_RESET
            state.mxcsr = _MXCSR_RESET


@metal(inline=True)
def hand_over(state: u64) -> None:
    """A task gets the core whose float state is at this address, 0 if it uses none."""
    global _in_processor
    if state != 0 and state != _in_processor:
        if _in_processor != 0:
            save_floats(_in_processor)
        restore_floats(state)
        _in_processor = state


@metal
def give_up(state: u64) -> None:
    """Have all of a task's registers in its float state at this address; it has not the core."""
    global _in_processor
    if state == _in_processor:
        save_floats(state)
        _in_processor = 0
