"""How the kernel enters a process, and what the process does first."""

from __future__ import annotations

from collections.abc import Sequence

from questv.kernel import states
from questv.kernel.info import MAX_ARGUMENTS, Call
from questv.kernel.process_info import SYSTEM_CALL_VECTOR, SystemCall
from questv.metal.lang import metal, module_assembly
from questv.metal.structs import offsetof
from questv.process import channels, incarnation, inputs
from questv.process.info import info

_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_NEW_LINE = "\n    "


def _load(move: str, names: Sequence[str], first: int) -> str:
    return _NEW_LINE.join(
        f"{move} {name}, [rax + {first + 8 * index}]" for index, name in enumerate(names)
    )


module_assembly(
    f"""
.section .text.process_entry,"ax",@progbits
.globl process_entry
.type process_entry,@function
process_entry:                      # rdi: the ``Call`` that is to be made; rbp is zero
    push rbp                        # the end of every stack trace
    push rbp                        # calls begin on 16 bytes
    mov rax, rdi
    {_load("movsd", [f"xmm{n}" for n in range(MAX_ARGUMENTS)], offsetof(Call, "floats"))}
    {_load("mov", _ARGUMENTS, offsetof(Call, "arguments"))}
    call [rax + {offsetof(Call, "function")}]
    mov eax, {int(SystemCall.RETURN)}
    int {SYSTEM_CALL_VECTOR}
    ud2
.size process_entry, . - process_entry
"""
)

ENTRY_STACK = 2 * 8
"""Bytes that lie on the stack when a function is called."""


@metal(export="process_start")
def start() -> None:
    """Get what the process is given ready; called once, before all else."""
    incarnation.start()
    channels.start()
    inputs.start()
    states.start(info.incarnation)
