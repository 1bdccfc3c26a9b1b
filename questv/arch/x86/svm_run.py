"""Entering a guest (APM vol. 2, 15.5)."""

from __future__ import annotations

from questv.arch.x86.svm import SavedRegisters
from questv.metal.lang import assembly, u64
from questv.metal.structs import offsetof

_R = {name: offsetof(SavedRegisters, name) for name in SavedRegisters.__metal_type__.fields}
_NUMBERED = [(f"r{8 + i}", _R["numbered"] + 8 * i) for i in range(8)]
_NAMED = [(name, _R[name]) for name in ("rbx", "rcx", "rdx", "rsi", "rbp")]
_LOADS = "\n".join(f"mov {name}, [rdi + {at}]" for name, at in _NAMED + _NUMBERED)
_STORES = "\n".join(f"mov [rdi + {at}], {name}" for name, at in _NAMED + _NUMBERED)


@assembly(
    f"""
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rsi
    mov rax, rdi
    mov rdi, rsi
    {_LOADS}
    mov rdi, [rdi + {_R["rdi"]}]
    vmrun rax
    # The guest's rdi is swapped for the address of its saved registers.
    xchg rdi, [rsp]
    {_STORES}
    pop rax
    mov [rdi + {_R["rdi"]}], rax
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    """,
    stack=7 * 8,
)
def run_guest(vmcb: u64, registers: SavedRegisters) -> None:
    """Run the guest of the control block at physical address ``vmcb`` until it exits.

    ``registers`` holds the guest's registers that VMRUN does not switch, before and after. The
    global interrupt flag is set while the guest runs and clear from its exit on.
    """
    raise NotImplementedError
