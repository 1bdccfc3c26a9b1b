from __future__ import annotations

from questv.metal.lang import metal

exec("def nothing() -> None:\n    pass\n")
nothing = metal(nothing)
