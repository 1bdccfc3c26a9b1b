from __future__ import annotations

from questv.metal.lang import metal, module_assembly

module_assembly("""
    .long 1
    hallt
""")


@metal
def start() -> None:
    pass
