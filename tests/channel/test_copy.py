"""Copies are exact, and read nothing beyond what they copy."""

from __future__ import annotations

from random import Random

import pytest

from questv.channel.copy import copy_out
from questv.metal.isolate import isolated
from questv.metal.jit import Jit

from .areas import Stretch

LENGTHS = [*range(70), 255, 256, 1000, 4095, 4096]


@pytest.mark.parametrize("at_end", [True, False])
def test_copies(jit: Jit, at_end: bool) -> None:
    """From and to the very edge of a page, at any alignment."""

    def copies() -> None:
        for length in LENGTHS:
            source, to = Stretch(max(length, 1), at_end=at_end), Stretch(max(length, 1))
            contents = Random(length).randbytes(length)
            source.write(0, contents)
            jit[copy_out](to.own, source.peer, length)
            assert to.read(0, length) == contents
            source.close()
            to.close()

    isolated(copies)()
