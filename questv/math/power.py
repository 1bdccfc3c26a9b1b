"""Powers with any exponent."""

from __future__ import annotations

from math import inf, nan

from questv.math.basic import SIGN, fabs
from questv.math.exponential import LARGEST, SMALLEST, set_exponential, shifted
from questv.math.logarithm import set_logarithm
from questv.math.pairs import Pair, set_product
from questv.math.rounding import trunc
from questv.metal.lang import f64, float_bits, float_from_bits, local, metal

_ENOUGH = 2.0**64  # with a larger exponent every power but that of 1 is zero or infinite as well


@metal(floats=True)
def pow(x: f64, y: f64) -> f64:
    """``x`` to the power of ``y``, with the special values of IEEE 754-2019, 9.2.1.

    1 for a ``y`` of zero and for an ``x`` of 1, whatever the other is; a NaN for an ``x`` below
    zero whose ``y`` is not whole.
    """
    if x == 1.0 or y == 0.0:
        return 1.0
    if x != x or y != y:
        return nan
    size = fabs(x)
    whole = trunc(y) == y
    odd = whole and trunc(0.5 * y) != 0.5 * y
    sign = float_bits(x) & SIGN if odd else 0
    if size == 0.0 or size == inf:
        result: f64 = inf if (size == 0.0) == (y < 0.0) else 0.0
        return float_from_bits(float_bits(result) | sign)
    if x < 0.0 and not whole:
        return nan
    return float_from_bits(float_bits(_power(size, y)) | sign)


@metal(floats=True, inline=True)
def _power(size: f64, y: f64) -> f64:
    exponent = max(min(y, _ENOUGH), -_ENOUGH)
    logarithm: Pair = local()
    set_logarithm(logarithm, size)
    product: Pair = local()
    set_product(product, logarithm.high, exponent)
    more = product.low + logarithm.low * exponent
    if not SMALLEST < product.high < LARGEST:
        more = 0.0
    result: Pair = local()
    shift = set_exponential(result, max(min(product.high, LARGEST), SMALLEST), more)
    return shifted(result.high + result.low, shift)
