from __future__ import annotations

from typing import NoReturn

from questv.metal.lang import metal


@metal
def halt() -> NoReturn:
    pass
