"""A formatter, for the examples that print."""

from __future__ import annotations

from questv.metal.lang import Formatter, i64, metal, u8, u64


@metal
def begin() -> None:
    """Start a line."""


@metal
def text(part: str) -> None:
    """Print a part of a line."""


@metal
def unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    """Print a number."""


@metal
def signed(value: i64, width: u8) -> None:
    """Print a number with its sign."""


log = Formatter(begin=begin, text=text, unsigned=unsigned, signed=signed, end=begin)
