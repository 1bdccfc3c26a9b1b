from __future__ import annotations

from questv.metal.lang import metal


@metal
def is_yes(answer: str) -> bool:
    return answer == "yes"
