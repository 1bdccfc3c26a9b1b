"""Powers of two that keep squares and products in range."""

from __future__ import annotations

from questv.metal.lang import f64, metal

_FAR = 2.0**500
_STEP = 2.0**600


@metal(floats=True, inline=True)
def scale_for(largest: f64) -> f64:
    """A factor after which squares of a finite number above zero neither overflow nor vanish."""
    if largest > _FAR:
        return 1 / _STEP
    return _STEP if largest < 1 / _FAR else 1.0
