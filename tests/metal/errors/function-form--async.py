from __future__ import annotations

from questv.metal.lang import metal


@metal
async def wait() -> None:
    pass
