"""What the judge says to the sensor."""

from __future__ import annotations

from questv.metal.lang import u64
from questv.metal.structs import Struct


class Verdict(Struct):
    """What is known of the readings."""

    readings: u64
    thousandths: u64  # their mean
