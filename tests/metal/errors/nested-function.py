from __future__ import annotations

from questv.metal.lang import metal


def make() -> None:
    @metal
    def inner() -> None:
        pass


make()
