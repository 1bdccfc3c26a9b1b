from __future__ import annotations

from questv.metal.lang import Ptr, metal


class Device:
    number = 1


@metal
def open_device(device: Ptr[Device]) -> None:
    pass
