"""The page on the functions says what is claimed of them, and of all of them."""

from __future__ import annotations

import re

from questv import math
from questv.math import single
from questv.metal.definitions import MetalFunction

from .catalogue import FUNCTIONS
from .table import HEAD, PAGE, claimed

OTHERS = {"clamp", "is_nan", "is_finite"}
CONSTANTS = {"PI", "TAU", "E", "INFINITY", "NAN"}


def test_every_function_is_in_the_catalogue() -> None:
    names = {function.name for function in FUNCTIONS} | OTHERS
    assert names | CONSTANTS == set(math.__all__)
    here = {n for n, value in vars(single).items() if isinstance(value, MetalFunction)}
    assert here - {"square_root"} == names


def test_the_table_says_what_is_claimed() -> None:
    text = PAGE.read_text(encoding="utf-8").partition(HEAD)[2].partition("\n\n")[0]
    lines = [re.split(r" *\| *", line.strip("| \n")) for line in text.splitlines()[1:]]
    assert len(lines) == len(FUNCTIONS)
    for line, function in zip(lines, FUNCTIONS, strict=True):
        name, domain, error, seen, instructions = line
        assert (name, domain, error, instructions) == claimed(function)
        assert not function.error or 0.4 < float(seen) < function.error + 0.02


def test_the_page_names_everything() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}" in text for name in math.__all__)
