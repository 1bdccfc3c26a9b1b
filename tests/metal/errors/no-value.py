from __future__ import annotations

from questv.metal.lang import metal

TABLE = [1, 2, 3]


@metal
def table() -> None:
    values = TABLE
