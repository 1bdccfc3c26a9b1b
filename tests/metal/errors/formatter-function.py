from __future__ import annotations

from questv.metal.lang import Formatter, metal, u64


@metal
def nothing() -> None:
    pass


@metal
def text(part: str) -> None:
    pass


@metal
def number(value: u64) -> None:
    pass


log = Formatter(nothing, text, number, number, nothing)


@metal
def show(value: u64) -> None:
    log(f"value {value}")
