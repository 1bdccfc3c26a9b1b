"""No function takes more instructions than is claimed, whatever its arguments are."""

from __future__ import annotations

import pytest

from questv import math
from questv.math import single
from questv.metal.definitions import MetalFunction
from tests.metal.loading import Workshop

from .catalogue import FOR_F32, FUNCTIONS, Function
from .instructions import Paths


def metal(module: object, name: str) -> MetalFunction:
    function = getattr(module, name)
    assert isinstance(function, MetalFunction)
    return function


@pytest.fixture(scope="module", params=[True, False], ids=["debug", "release"])
def paths(request: pytest.FixtureRequest) -> Paths:
    modules = {metal(math, function.name).module for function in FUNCTIONS}
    return Paths({*modules, single.__name__}, checks=request.param)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_longest_way_is_short(paths: Paths, function: Function) -> None:
    found = paths.longest(metal(math, function.name).symbol, function.turns)
    assert 0.6 * function.instructions - 6 <= found <= function.instructions
    if function.turns == 1:
        for_f32 = paths.longest(metal(single, function.name).symbol)
        assert for_f32 <= function.instructions + FOR_F32


KNOWN = """
@assembly(\"\"\"
    test edi, edi
    je 1f
    nop
    nop
    nop
1:  nop
    ret
\"\"\")
def three_more(flag: u32) -> None: ...

@assembly(\"\"\"
    mov eax, edi
1:  nop
    dec eax
    jnz 1b
    ret
\"\"\")
def loop(turns: u32) -> None: ...

@assembly(\"\"\"
    nop
    ret
    nop
    nop
\"\"\")
def short() -> None: ...
"""


def test_ways_are_counted(makers: Workshop) -> None:
    name = makers.load(KNOWN).__name__
    paths = Paths([name], checks=False)
    assert paths.longest(f"{name}.three_more") == 7
    assert paths.longest(f"{name}.short") == 2
    assert paths.longest(f"{name}.loop", turns=5) == 2 + 5 * 3
    with pytest.raises(AssertionError, match="1 loops"):
        paths.longest(f"{name}.loop")
