from __future__ import annotations

from questv.metal.lang import metal, u64


class Sizes(dict[str, int]):
    def items(self):
        return [(name, self[name]) for name in ("rows", "columns")]


SIZES = Sizes(rows=25)


@metal
def size() -> u64:
    return len(SIZES)
