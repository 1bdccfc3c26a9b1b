"""The length of a vector."""

from __future__ import annotations

from math import inf

from questv.math.basic import fabs, maximum
from questv.math.pairs import Pair, set_ordered_sum, set_product, set_root
from questv.math.scaling import scale_for
from questv.metal.lang import f64, local, metal


@metal(floats=True)
def hypot(x: f64, y: f64) -> f64:
    """The root of ``x * x + y * y``; infinite if one is, though the other be a NaN."""
    a = fabs(x)
    b = fabs(y)
    if a == inf or b == inf:
        return inf
    largest = maximum(a, b)
    if not largest > 0.0:
        return largest
    scale = scale_for(largest)
    large: Pair = local()
    set_product(large, largest * scale, largest * scale)
    small: Pair = local()
    set_product(small, min(a, b) * scale, min(a, b) * scale)
    square: Pair = local()
    set_ordered_sum(square, large.high, small.high)
    square.low += large.low + small.low
    root: Pair = local()
    set_root(root, square)
    return (root.high + root.low) / scale
