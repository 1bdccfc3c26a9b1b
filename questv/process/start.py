"""How the kernel enters a process, and what the process does first."""

from __future__ import annotations

from questv.kernel.process_info import SYSTEM_CALL_VECTOR, SystemCall
from questv.metal.lang import metal, module_assembly
from questv.process import channels, inputs

module_assembly(
    f"""
.section .text.process_entry,"ax",@progbits
.globl process_entry
.type process_entry,@function
process_entry:                      # rax: the function to call, with its arguments in place
    push rbp                        # zero: the end of every stack trace
    push rbp                        # calls begin on 16 bytes
    call rax
    mov eax, {int(SystemCall.FINISH)}
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
    channels.start()
    inputs.start()
