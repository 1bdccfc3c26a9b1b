from __future__ import annotations

from questv.metal.lang import module_assembly

HALT = ["cli", "hlt"]

module_assembly(HALT)
