from __future__ import annotations

from questv.metal.lang import Atomic, f64
from questv.metal.structs import Struct


class Sensor(Struct):
    value: Atomic[f64]
