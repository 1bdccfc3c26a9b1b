from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal


@metal
def call(function: Callable[[None], None]) -> None:
    pass
