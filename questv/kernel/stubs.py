"""The first instructions of every interrupt and exception.

Interrupts (vectors from 32 on) save what a call does not preserve, call ``take_interrupt`` or, for
the timer's, ``take_timer``, and at the end ``preempt``. An idle core has nothing to save and nobody
to preempt: there an interrupt, once taken, returns to whoever called ``wait_for_interrupt`` or
``take_interrupt_now``. Exceptions save everything and call ``handle_exception``, which does not
come back.
"""

from __future__ import annotations

from questv.metal.lang import assembly, external, module_assembly, static, u8, u64
from questv.metal.structs import Struct
from questv.monitor.interface import VECTORS

STUB_SIZE = 16
TIMER_VECTOR = 0x20
INTERRUPT_STACK = 5 * 8 + 8 + 8 + 9 * 8 + 8
"""Bytes that an interrupt takes before it calls anything: the processor's frame and up to 8 to
align it, the vector, nine registers, 8 to align the calls."""

_EXCEPTIONS = 32
_WITH_ERROR_CODE = {8, 10, 11, 12, 13, 14, 17, 21, 29, 30}  # APM vol. 2, 8.2
_SCRATCH = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
_ALL = (*_SCRATCH, "rbx", "rbp", "r12", "r13", "r14", "r15")

INTERRUPTED = 8 + 8 * len(_SCRATCH) + 8
"""Where the address of the interrupted instruction is, above what the stub's calls leave."""
INTERRUPT_STUBS = ("kernel_interrupt", "kernel_timer")

interrupt_stubs: u8 = external("kernel_interrupt_stubs")

_idle_stack: u64 = static(0, export="kernel_idle_stack")  # not zero: the core is idle


class ExceptionFrame(Struct):
    """What ``handle_exception`` finds: registers in the order of ``_ALL`` from the end, then what
    the stub and the processor pushed."""

    r15: u64
    r14: u64
    r13: u64
    r12: u64
    rbp: u64
    rbx: u64
    r11: u64
    r10: u64
    r9: u64
    r8: u64
    rdi: u64
    rsi: u64
    rdx: u64
    rcx: u64
    rax: u64
    vector: u64
    error: u64
    rip: u64
    cs: u64
    rflags: u64
    rsp: u64
    ss: u64


def _stub(vector: int) -> str:
    if vector >= _EXCEPTIONS:
        taker = "kernel_timer" if vector == TIMER_VECTOR else "kernel_interrupt"
        return f".p2align 4\npush {vector}\njmp {taker}"
    error = "" if vector in _WITH_ERROR_CODE else "push 0\n"
    return f".p2align 4\n{error}push {vector}\njmp kernel_exception"


def _interrupt(name: str, take: str) -> str:
    """How interrupts are taken by the function ``take``, which is given the vector."""
    return f"""
.p2align 4
.type {name},@function
{name}:                                 # the vector is on the stack
    cmp qword ptr [rip + kernel_idle_stack], 0
    jne 1f
    {chr(10).join(f"push {register}" for register in _SCRATCH)}
    mov rdi, [rsp + {8 * len(_SCRATCH)}]
    sub rsp, 8
    cld
    call {take}
    call kernel_preempt
    add rsp, 8
    {chr(10).join(f"pop {register}" for register in reversed(_SCRATCH))}
    add rsp, 8
    iretq
1:  pop rdi                             # an idle core
    mov rsp, [rip + kernel_idle_stack]
    mov qword ptr [rip + kernel_idle_stack], 0
    jmp {take}                          # which returns to whoever waits
.size {name}, . - {name}"""


module_assembly(
    f"""
.section .text.kernel_interrupt_stubs,"ax",@progbits
.p2align 4
.globl kernel_interrupt_stubs
kernel_interrupt_stubs:
{chr(10).join(map(_stub, range(VECTORS)))}

{_interrupt("kernel_interrupt", "kernel_take_interrupt")}
{_interrupt("kernel_timer", "kernel_take_timer")}

.type kernel_exception,@function
kernel_exception:
    {chr(10).join(f"push {name}" for name in _ALL)}
    mov rdi, rsp
    cld
    call kernel_handle_exception
    ud2
.size kernel_exception, . - kernel_exception
"""
)


@assembly(
    """
    mov [rip + kernel_idle_stack], rsp
    sti
1:  hlt                                 # interrupts are taken from here on, not before
    jmp 1b                              # not an interrupt, which returns to the caller: an NMI or
                                        # SMI woke the core, and the monitor has taken it
    """,
    stack=INTERRUPT_STACK,
)
def wait_for_interrupt() -> None:
    """Sleep until an interrupt has been taken. Interrupts are off, and off again afterwards."""


@assembly(
    """
    mov [rip + kernel_idle_stack], rsp
    sti                                 # after the next instruction
    nop
    cli
    mov qword ptr [rip + kernel_idle_stack], 0
    ret
    """,
    stack=INTERRUPT_STACK,
)
def take_interrupt_now() -> None:
    """Take an interrupt if there is one, and no other; whoever idles has it so while it works."""
