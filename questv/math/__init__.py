"""Functions of numbers for tasks: ``from questv.math import sin``; docs/math.md has all of them.

These are for ``f64``. Those for ``f32`` have the same names in ``questv.math.single``.
"""

from __future__ import annotations

import math

from questv.math.basic import (
    clamp,
    copysign,
    fabs,
    is_finite,
    is_nan,
    maximum,
    minimum,
    sqrt,
)
from questv.math.distance import hypot
from questv.math.exponential import exp, expm1
from questv.math.hyperbolic import cosh, sinh, tanh
from questv.math.inverse import acos, asin, atan, atan2
from questv.math.logarithm import log, log2, log10
from questv.math.power import pow
from questv.math.remainder import fmod
from questv.math.rounding import ceil, floor, round, trunc
from questv.math.trigonometric import cos, sin, tan

PI = math.pi
"""Half a turn, in radians; the nearest float, as all of these."""
TAU = math.tau
"""A whole turn."""
E = math.e
"""The base of natural logarithms."""
INFINITY = math.inf
"""Larger than every number."""
NAN = math.nan
"""Not a number."""

__all__ = [
    "INFINITY",
    "NAN",
    "PI",
    "TAU",
    "E",
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "clamp",
    "copysign",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "fabs",
    "floor",
    "fmod",
    "hypot",
    "is_finite",
    "is_nan",
    "log",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "pow",
    "round",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
]
