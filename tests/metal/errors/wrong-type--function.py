from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, u32


@metal
def call(function: Callable[[], u32]) -> u32:
    return function()


@metal
def double(value: u32) -> u32:
    return value * 2


@metal
def run() -> u32:
    return call(double)
