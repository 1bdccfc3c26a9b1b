from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal


def handler(function: Callable[[], None]) -> Callable[[], None]:
    mark: Callable[[Callable[[], None]], Callable[[], None]] = metal(role="handler")
    return mark(function)


@handler
@metal
def answer() -> None:
    pass
