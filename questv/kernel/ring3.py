"""Into ring 3 and out of it.

A process is entered by ``enter``, which returns when something has called ``leave``. In between
the processor is in ring 3, or in what has interrupted it: an interrupt, a system call or an
exception. Interrupts and system calls use the stack of ``enter``'s caller, below its frame, so
that ``leave`` has nothing to do but go back there.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import NoReturn

from questv.arch.x86.descriptors import (
    CODE_SELECTOR,
    DATA_SELECTOR,
    USER_CODE_SELECTOR,
    USER_DATA_SELECTOR,
    TaskState,
)
from questv.arch.x86.registers import RFLAGS_FIXED, RFLAGS_INTERRUPTS
from questv.kernel.moves import Registers
from questv.kernel.spaces import Space
from questv.metal.lang import Ptr, addr, assembly, external, metal, module_assembly, u8, u64
from questv.metal.structs import Struct, offsetof

_SAVED = ("rbp", "rbx", "r12", "r13", "r14", "r15")
_FRAME = 5 * 8  # what the processor pushes when it leaves ring 3, and pops on the way there
ENTER_STACK = 8 * len(_SAVED) + _FRAME
"""Bytes that ``enter`` takes."""
CALL_STACK = 8 + _FRAME + 8 + 8
"""Bytes that a system call takes before its handler runs: up to 8 to align the processor's frame,
that, rbp, and what the handler returns to."""

_RING0_STACK = f"[rip + kernel_task_state + {offsetof(TaskState, 'ring0_stack')}]"
_NUMBERED = tuple(f"r{number}d" for number in range(8, 16))
_CLEARED = ("eax", "ebx", "ecx", "edx", "esi", "ebp", *_NUMBERED)
_AFTER_CALL = ("ecx", "edx", "esi", "edi", "r8d", "r9d", "r10d", "r11d")
_NEW_LINE = "\n    "
_IN_REGISTERS = tuple(get_annotations(Registers))[
    :15
]  # in their order; the others are pushed first
_RESTORED = (*(name for name in _IN_REGISTERS if name != "rdi"), "rdi")
STOP_STACK = 8 * len(_IN_REGISTERS) + 8 + 8
"""Bytes that a process which is stopped takes before ``kernel_process_stopped`` runs."""


class ReturnFrame(Struct):
    """What the processor pushes when it leaves ring 3, and pops on the way back."""

    rip: u64
    cs: u64
    rflags: u64
    rsp: u64
    ss: u64


class CallFrame(Struct):
    """What lies at the top of the kernel's stack during a system call."""

    rbp: u64
    rip: u64
    cs: u64
    rflags: u64
    rsp: u64
    ss: u64


module_assembly(
    f"""
.section .text.kernel_system_call_stub,"ax",@progbits
.p2align 4
.globl kernel_system_call_stub
.type kernel_system_call_stub,@function
kernel_system_call_stub:            # rax: which call, rdi and rsi: its arguments
    push rbp                        # also lets the call begin on 16 bytes
    xor ebp, ebp                    # the kernel's stack trace ends here
    mov rdx, rax
    cld
    call kernel_system_call
    pop rbp
    {_NEW_LINE.join(f"xor {name}, {name}" for name in _AFTER_CALL)}
    iretq
.size kernel_system_call_stub, . - kernel_system_call_stub
"""
)


@assembly(
    f"""
    {_NEW_LINE.join(f"push {name}" for name in _SAVED)}
    mov [rcx + {offsetof(Space, "stack")}], rsp
    mov {_RING0_STACK}, rsp
    push {USER_DATA_SELECTOR}
    push rsi
    push {RFLAGS_FIXED | RFLAGS_INTERRUPTS}
    push {USER_CODE_SELECTOR}
    push rdi
    mov rdi, rdx
    {_NEW_LINE.join(f"xor {name}, {name}" for name in _CLEARED)}
    iretq
    """,
    stack=ENTER_STACK,
)
def enter(rip: u64, rsp: u64, argument: u64, space: Space) -> u64:
    """Go to ring 3 in this space, which is in use, with an argument in rdi and all else zero.

    The result is what ``leave`` is called with.
    """
    raise NotImplementedError


@assembly(
    f"""
    {_NEW_LINE.join(f"push {name}" for name in _SAVED)}
    mov [rsi + {offsetof(Space, "stack")}], rsp
    mov {_RING0_STACK}, rsp
    push {USER_DATA_SELECTOR}
    push [rdi + {offsetof(Registers, "rsp")}]
    push [rdi + {offsetof(Registers, "rflags")}]
    push {USER_CODE_SELECTOR}
    push [rdi + {offsetof(Registers, "rip")}]
    {_NEW_LINE.join(f"mov {name}, [rdi + {offsetof(Registers, name)}]" for name in _RESTORED)}
    iretq
    """,
    stack=ENTER_STACK,
)
def enter_again(registers: Registers, space: Space) -> u64:
    """Go on in ring 3 where a process was stopped, likewise; what it is given has been checked."""
    raise NotImplementedError


# Where a process goes that is stopped, on its way back to ring 3. Interrupts are off, and all
# registers are those of ring 3 but for the ones that ``divert`` has written down.
module_assembly(
    f"""
.section .text.kernel_process_stop,"ax",@progbits
.globl kernel_process_stop
.type kernel_process_stop,@function
kernel_process_stop:
    {_NEW_LINE.join(f"push {name}" for name in reversed(_IN_REGISTERS))}
    mov rdi, rsp
    and rsp, -16
    xor ebp, ebp                    # the kernel's stack trace ends here
    cld
    call kernel_process_stopped
    ud2
.size kernel_process_stop, . - kernel_process_stop
"""
)

_stop: u8 = external("kernel_process_stop")


@metal
def divert(space: Space, registers: Registers) -> None:
    """Let a process stop that has been entered and has not the core, on its way back to ring 3.

    ``kernel_process_stopped`` is called then, on its stack, with the registers that are not written
    down here. If it leaves before, nothing happens. Interrupts are off.
    """
    # What the processor pushed when it left ring 3; it begins on 16 bytes (APM vol. 2, 8.9.3).
    frame = Ptr[ReturnFrame]((space.stack & ~u64(15)) - _FRAME)[0]
    registers.rip = frame.rip
    registers.rflags = frame.rflags
    registers.rsp = frame.rsp
    frame.rip = addr(_stop)
    frame.cs = CODE_SELECTOR
    frame.rflags = RFLAGS_FIXED
    frame.rsp = space.stack
    frame.ss = DATA_SELECTOR


@assembly(
    f"""
    mov rsp, {_RING0_STACK}
    mov rax, rdi
    {_NEW_LINE.join(f"pop {name}" for name in reversed(_SAVED))}
    ret
    """
)
def leave(result: u64) -> NoReturn:
    """Return from the ``enter`` of the process that has the core."""
    raise NotImplementedError
