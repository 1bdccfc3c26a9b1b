from __future__ import annotations

from questv.metal.lang import assembly


@assembly("""
    mov eax, ebx
    mov rax, [rbx + rcx * 3]
    ret
""")
def load() -> None:
    """Load from an address that the machine can't form."""
