"""Structs lie in memory as C's do, and compiled code, host views and C agree on every byte."""

from __future__ import annotations

import ctypes
import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from questv.diagnostics import DiagnosticsError
from questv.metal.jit import Jit
from questv.metal.structs import offsetof, sizeof

from . import shapes
from .loading import Workshop
from .shapes import Leaf, Module, Shape

LAYOUTS = st.lists(shapes.shapes(3), min_size=1, max_size=4)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(LAYOUTS)
def test_sizes_and_offsets(wanted: list[Shape]) -> None:
    check_layouts(wanted)


@pytest.mark.long
@settings(QUICK, max_examples=1200)
@given(LAYOUTS)
def test_many_sizes_and_offsets(wanted: list[Shape]) -> None:
    check_layouts(wanted)


def check_layouts(wanted: list[Shape]) -> None:
    names = Module()
    for shape in wanted:
        names.name(shape)
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        module = workshop.load(names.text())
        workshop.close()
    for shape, name in names.names.items():
        ours, theirs = getattr(module, name), names.c[shape]
        assert sizeof(ours) == ctypes.sizeof(theirs)
        assert ours.__metal_type__.align == ctypes.alignment(theirs)
        for index in range(len(shape.parts)):
            assert offsetof(ours, f"m{index}") == getattr(theirs, f"m{index}").offset


def accessors(name: str, places: list[tuple[shapes.Path, Leaf]]) -> str:
    stores = [leaf.store("s" + shapes.spell(path), i) for i, (path, leaf) in enumerate(places)]
    loads = [leaf.load("s" + shapes.spell(path), i) for i, (path, leaf) in enumerate(places)]
    paths = [shapes.spell(path) for path, _ in places]
    where = [f"offsets[{i}] = addr(s{path}) - addr(s)" for i, path in enumerate(paths)]
    text = ""
    for verb, lines in (("write", stores), ("read", loads)):
        text += (
            f"@metal(floats=True)\ndef {verb}_{name}"
            f"(s: {name}, integers: Ptr[u64], floats: Ptr[f64]) -> None:\n"
        )
        text += "".join(f"    {line}\n" for line in lines)
    text += f"@metal\ndef offsets_{name}(s: {name}, offsets: Ptr[u64]) -> u64:\n"
    text += "".join(f"    {line}\n" for line in where)
    return text + f"    return sizeof({name})\n"


COMPILED = settings(max_examples=5, database=None, phases=[Phase.generate])


@COMPILED
@given(st.data())
def test_bytes_of_compiled_code(data: st.DataObject) -> None:
    check_bytes(data)


@pytest.mark.long
@settings(COMPILED, max_examples=100)
@given(st.data())
def test_many_bytes_of_compiled_code(data: st.DataObject) -> None:
    check_bytes(data)


def check_bytes(data: st.DataObject) -> None:
    wanted = data.draw(st.lists(shapes.shapes(2), min_size=4, max_size=4))
    names = Module()
    places = {shape: list(shapes.leaves(shape)) for shape in wanted}
    text = "".join(accessors(names.name(shape), places[shape]) for shape in places)
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        module = workshop.load(names.text() + text)
        jit = Jit(module, level=data.draw(st.integers(0, 3)))
        for shape, found in places.items():
            values = [data.draw(leaf.values()) for _, leaf in found]
            agree(jit, module, names, shape, values)
        workshop.close()


def agree(jit: Jit, module: Any, names: Module, shape: Shape, values: list[Any]) -> None:
    """The same values through compiled code, through the host's view and through C."""
    found, name = list(shapes.leaves(shape)), names.name(shape)
    integers = (ctypes.c_uint64 * len(values))()
    floats = (ctypes.c_double * len(values))()
    for index, ((_, leaf), value) in enumerate(zip(found, values, strict=True)):
        if leaf.is_float:
            floats[index] = value
        else:
            integers[index] = value % 2**64
    written, c_made, view = names.c[shape](), names.c[shape](), getattr(module, name)()
    at = [ctypes.addressof(part) for part in (written, integers, floats)]
    jit[getattr(module, f"write_{name}")](*at)
    for (path, leaf), value in zip(found, values, strict=True):
        shapes.put(c_made, path, value)
        shapes.put(view, path, value)
        for holder in (written, c_made, view, getattr(module, name).view(written)):
            assert shapes.follow(holder, path) == value, f"{shapes.spell(path)}: {leaf.name}"
    assert bytes(written) == bytes(c_made) == bytes(view)
    integers_read, floats_read = type(integers)(), type(floats)()
    for place in (ctypes.addressof(c_made), view):
        jit[getattr(module, f"read_{name}")](
            place, ctypes.addressof(integers_read), ctypes.addressof(floats_read)
        )
        assert list(integers_read) == list(integers)
        assert list(floats_read) == list(floats)
    offsets = (ctypes.c_uint64 * len(values))()
    size = jit[getattr(module, f"offsets_{name}")](view, ctypes.addressof(offsets))
    assert size == ctypes.sizeof(c_made)
    for (path, _), offset in zip(found, offsets, strict=True):
        assert offset == c_offset(names, shape, path)


def c_offset(names: Module, part: shapes.Part, path: shapes.Path) -> int:
    """Where ``ctypes`` has the value that a path leads to."""
    total = 0
    for step in path:
        if isinstance(part, Shape):
            total += getattr(names.c[part], str(step)).offset
            part = part.parts[int(str(step)[1:])]
        else:
            assert isinstance(part, shapes.Array)
            total += int(step) * ctypes.sizeof(names.c_type(part.element))
            part = part.element
    return total


EXPLICIT = """
class Block(Struct, size=0x400):
    intercepts: u32 = at(0x0C)
    odd: u16 = at(0x11)
    rip: u64 = at(0x178)
    tail: Array[u8, 4] = at(0x3F0)

@metal
def fill(block: Block) -> u64:
    block.intercepts = 0x11223344
    block.odd = 0xAABB
    block.rip = 0x0102030405060708
    block.tail[3] = 0xCC
    return sizeof(Block) + offsetof(Block, "rip")
"""


def test_explicit_offsets(workshop: Workshop) -> None:
    module = workshop.load(EXPLICIT)
    block = module.Block()
    assert Jit(module)[module.fill](block) == 0x400 + 0x178
    expected = bytearray(0x400)
    expected[0x0C:0x10] = b"\x44\x33\x22\x11"
    expected[0x11:0x13] = b"\xbb\xaa"
    expected[0x178:0x180] = bytes(range(8, 0, -1))
    expected[0x3F3] = 0xCC
    assert bytes(block) == bytes(expected)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("class S(Struct):\n    a: u32 = at(0)\n    b: u32 = at(2)\n", "fields-overlap"),
        ("class S(Struct):\n    a: u32 = at(0)\n    b: u32\n", "offset-missing"),
        ("class S(Struct, size=6):\n    a: u64\n", "struct-size"),
        ("class S(Struct, packed=True):\n    a: u8\n    b: Atomic[u32]\n", "atomic-packed"),
        ("class S(Struct):\n    a: Shared[u32] = at(2)\n", "atomic-packed"),
    ],
)
def test_layouts_that_cannot_be(workshop: Workshop, text: str, rule: str) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        workshop.load(text)
    assert [found.rule for found in caught.value.diagnostics] == [rule]


LINKED = """
class Node(Struct):
    value: u64
    next: Ptr[Node]

@metal
def total(first: Ptr[Node]) -> u64:
    sum: u64 = 0
    node = first
    while not node.is_null():
        sum += node[0].value
        node = node[0].next
    return sum
"""


def test_a_struct_that_points_to_itself(workshop: Workshop) -> None:
    module = workshop.load(LINKED)
    nodes = [module.Node(value=1 << index) for index in range(5)]
    for node, following in itertools.pairwise(nodes):
        node.next = following.host_address
    assert Jit(module)[module.total](nodes[0]) == 31
