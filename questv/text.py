"""Numbers as text, and lines of text, for compiled code."""

from __future__ import annotations

from questv.metal.lang import Array, Ptr, i64, local, metal, ptr, u8, u64
from questv.metal.structs import Struct

CAPACITY = 32


class Digits(Struct):
    """The text of a number, filled from the end: its last ``length`` bytes are valid."""

    length: u64
    bytes: Array[u8, CAPACITY]


@metal
def first_digit(digits: Digits) -> Ptr[u8]:
    """Where the text starts."""
    return ptr(digits.bytes[CAPACITY - digits.length])


@metal
def unsigned_digits(digits: Digits, value: u64, base: u8, width: u8, zeros: bool) -> None:
    """The text of ``value`` in base 10 or 16, padded on the left to ``width`` (at most 31).

    ``zeros`` pads with zeros, otherwise with spaces.
    """
    digits.length = 0
    rest = value
    while True:
        _prepend(digits, _digit(u8(rest % u64(base))))
        rest //= u64(base)
        if rest == 0:
            break
    _pad(digits, width, ord("0") if zeros else ord(" "))


@metal
def signed_digits(digits: Digits, value: i64, width: u8) -> None:
    """The text of ``value`` in base 10, padded on the left with spaces to ``width``."""
    negative = value < 0
    # The magnitude of the smallest value is no i64, but it is a u64.
    magnitude = 0 - u64.wrap(value) if negative else u64.wrap(value)
    unsigned_digits(digits, magnitude, 10, 0, False)
    if negative:
        _prepend(digits, ord("-"))
    _pad(digits, width, ord(" "))


@metal
def _digit(value: u8) -> u8:
    return value + ord("0") if value < 10 else value - 10 + ord("a")


@metal
def _prepend(digits: Digits, byte: u8) -> None:
    if digits.length < CAPACITY:
        digits.length += 1
        digits.bytes[CAPACITY - digits.length] = byte


@metal
def _pad(digits: Digits, width: u8, byte: u8) -> None:
    while digits.length < u64(width) and digits.length < CAPACITY:
        _prepend(digits, byte)


# ---- lines -------------------------------------------------------------------------------------

LINE = 232
"""The longest line, in bytes; what is longer is cut."""


class Line(Struct):
    """A line that is being put together."""

    length: u64
    text: Array[u8, LINE]

    @metal
    def begin(self) -> None:
        """Forget what there is of it."""
        self.length = 0

    @metal
    def add(self, bytes: Ptr[u8], length: u64) -> None:
        """Add bytes, as far as there is room."""
        for i in range(min(length, LINE - self.length)):
            self.text[self.length] = bytes[i]
            self.length += 1

    @metal
    def unsigned(self, value: u64, base: u8, width: u8, zeros: bool) -> None:
        """Add a number; see ``unsigned_digits``."""
        digits: Digits = local()
        unsigned_digits(digits, value, base, width, zeros)
        self.add(first_digit(digits), digits.length)

    @metal
    def signed(self, value: i64, width: u8) -> None:
        """Add a number; see ``signed_digits``."""
        digits: Digits = local()
        signed_digits(digits, value, width)
        self.add(first_digit(digits), digits.length)
