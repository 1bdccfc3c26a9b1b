"""The guests' code: for each probe its set-up, what is probed, and a call of the monitor."""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.metal.lang import Array, external, module_assembly, u8, u64
from questv.probes.catalogue import CODE, CODE_SIZE, PROBES, VECTOR, Probe

code: u8 = external("probes_code")
starts: Array[u64, len(PROBES)] = external("probes_starts")
instructions: Array[u64, len(PROBES)] = external("probes_instructions")
ends: Array[u64, len(PROBES)] = external("probes_ends")
interrupt_table: u8 = external("probes_interrupt_table")
handler: u8 = external("probes_handler")


def _lines(text: str) -> str:
    return "\n".join(part.strip() for part in text.split(";"))


def _guest(number: int, probe: Probe) -> str:
    return f"""
.code{probe.mode.bits}
probes_start_{number}:
{_lines(probe.setup)}
probes_instruction_{number}:
{_lines(probe.code)}
probes_end_{number}:
    vmmcall
    hlt
"""


def _addresses(kind: str) -> str:
    return "\n".join(
        f".quad probes_{kind}_{number} - probes_code + {CODE}" for number in range(len(PROBES))
    )


module_assembly(
    f"""
.section .rodata.probes_code,"a",@progbits
.p2align 12
.globl probes_code
probes_code:
# Real mode's table of interrupts, which all lead to one handler.
.globl probes_interrupt_table
probes_interrupt_table:
.rept {VECTOR + 1}
    .word probes_handler - probes_code + {CODE}, 0
.endr
.code16
.globl probes_handler
probes_handler:
    vmmcall
    hlt
{"".join(_guest(number, probe) for number, probe in enumerate(PROBES))}
.org {CODE_SIZE}
.p2align {PAGE_SIZE.bit_length() - 1}
.code64

.section .rodata.probes_addresses,"a",@progbits
.p2align 3
.globl probes_starts
probes_starts:
{_addresses("start")}
.globl probes_instructions
probes_instructions:
{_addresses("instruction")}
.globl probes_ends
probes_ends:
{_addresses("end")}
"""
)
