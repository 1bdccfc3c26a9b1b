"""What is claimed of each function: where it is defined, how exact it is, how long it can take."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

Arguments = tuple[float, ...]
Draw = Callable[[random.Random], Arguments]

FOR_F32 = 10
"""So many instructions more the function for f32 may take."""

SUBNORMAL = 0.76
"""Units in the last place by which a result below 2**-1022 may be wrong: it is rounded twice."""


@dataclass(frozen=True)
class Function:
    """``error`` is in units in the last place; 0 is exact, 0.5 correctly rounded."""

    name: str
    domain: str
    error: float
    instructions: int
    """At most so many, those of the functions that it calls included; with a tenth to spare, as not
    every version of the compiler's back end makes the same ones."""
    draws: list[Draw] = field(repr=False)
    """Ways to draw arguments; together they cover the domain."""
    turns: int = 1
    """How often its loop runs at most; 1 if it has none."""

    @property
    def arity(self) -> int:
        return len(self.draws[0](random.Random(0)))


def from_bits(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def any_float(r: random.Random) -> float:
    """Every pattern of bits alike: all magnitudes, infinities and NaNs."""
    return from_bits(r.getrandbits(64))


def between(low: float, high: float) -> Callable[[random.Random], float]:
    return lambda r: r.uniform(low, high)


def magnitudes(low: float, high: float) -> Callable[[random.Random], float]:
    """Both signs, every power of two alike."""
    logs = math.log(low), math.log(high)
    return lambda r: r.choice((1, -1)) * math.exp(r.uniform(*logs))


def size(draw: Callable[[random.Random], float]) -> Callable[[random.Random], float]:
    return lambda r: abs(draw(r))


def one(*draws: Callable[[random.Random], float]) -> list[Draw]:
    """Ways to draw one argument; any float is one of them."""

    def single(draw: Callable[[random.Random], float]) -> Draw:
        return lambda r: (draw(r),)

    return [single(draw) for draw in (any_float, *draws)]


def two(
    *draws: tuple[Callable[[random.Random], float], Callable[[random.Random], float]],
) -> list[Draw]:
    def both(
        first: Callable[[random.Random], float], second: Callable[[random.Random], float]
    ) -> Draw:
        return lambda r: (first(r), second(r))

    return [both(*pair) for pair in ((any_float, any_float), *draws)]


def _near_one(r: random.Random) -> float:
    return r.choice((1, -1)) * (1 - abs(magnitudes(1e-16, 1)(r)))


def _near_quarters(r: random.Random) -> float:
    return r.randint(-(10**6), 10**6) * (math.pi / 2)


def _whole(r: random.Random) -> float:
    return float(r.randint(-60, 60))


_WHOLE = one(between(-4, 4), magnitudes(0.01, 1e19), lambda r: r.randint(-99, 99) / 2)
_EXPONENTIAL = one(between(-2, 2), between(-750, 720), magnitudes(1e-20, 800))
_LOGARITHM = one(between(0, 4), between(0.99, 1.01), size(magnitudes(1e-320, 1e308)))
_ANGLE = one(between(-4, 4), magnitudes(1e-10, 1e22), _near_quarters)
_UNIT = one(between(-1, 1), magnitudes(1e-20, 1), _near_one)
_PLANE = two(
    (between(-1, 1), between(-1, 1)),
    (magnitudes(1e-5, 1e5), magnitudes(1e-5, 1e5)),
    (magnitudes(1e-320, 1e-300), magnitudes(1e-320, 1e-300)),
    (magnitudes(1e300, 1e308), magnitudes(1e300, 1e308)),
)

FUNCTIONS = [
    Function("fabs", "all", 0, 10, one()),
    Function("copysign", "all", 0, 10, _PLANE),
    Function("minimum", "all", 0, 25, _PLANE),
    Function("maximum", "all", 0, 25, _PLANE),
    Function("floor", "all", 0, 40, _WHOLE),
    Function("ceil", "all", 0, 40, _WHOLE),
    Function("trunc", "all", 0, 40, _WHOLE),
    Function("round", "all", 0, 30, _WHOLE),
    Function("fmod", "finite x, y not 0", 0, 240, _PLANE, turns=31),
    Function("sqrt", "x >= 0", 0.5, 10, one(size(any_float))),
    Function("hypot", "all", 0.51, 140, _PLANE),
    Function("exp", "all", 0.51, 120, _EXPONENTIAL),
    Function("expm1", "all", 0.51, 130, _EXPONENTIAL),
    Function("log", "x > 0", 0.51, 170, _LOGARITHM),
    Function("log2", "x > 0", 0.51, 200, _LOGARITHM),
    Function("log10", "x > 0", 0.51, 200, _LOGARITHM),
    Function(
        "pow",
        "x > 0, or y whole",
        0.51,
        380,
        two(
            (between(0, 10), between(-300, 300)),
            (between(0.9, 1.1), magnitudes(1, 1e5)),
            (size(magnitudes(1e-300, 1e300)), between(-2, 2)),
            (_whole, _whole),
        ),
    ),
    Function("sin", "finite", 0.51, 270, _ANGLE),
    Function("cos", "finite", 0.51, 270, _ANGLE),
    Function("tan", "finite", 0.52, 370, _ANGLE),
    Function("asin", "-1 to 1", 0.52, 300, _UNIT),
    Function("acos", "-1 to 1", 0.52, 300, _UNIT),
    Function("atan", "all", 0.51, 240, one(between(-10, 10), magnitudes(1e-10, 1e20))),
    Function("atan2", "all", 0.51, 280, _PLANE),
    Function("sinh", "all", 0.52, 190, _EXPONENTIAL),
    Function("cosh", "all", 0.52, 170, _EXPONENTIAL),
    Function("tanh", "all", 0.52, 190, _EXPONENTIAL),
]
"""All of questv.math whose result is a float, but for clamp."""
