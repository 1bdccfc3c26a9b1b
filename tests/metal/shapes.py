"""Random struct layouts: as metal source, and as the ``ctypes`` structure that C would have."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

ENUM = """
@width(u16)
class Color(enum.IntEnum):
    RED = 1
    GREEN = 2
    BLUE = 300
"""
MEMBERS = (1, 2, 300)


@dataclass(frozen=True)
class Leaf:
    """A scalar: its name in metal and C's type."""

    name: str
    c: Any

    @property
    def is_float(self) -> bool:
        return self.name in ("f32", "f64")

    def store(self, place: str, index: int) -> str:
        """A statement that sets ``place`` from element ``index`` of the values that are given."""
        value = f"integers[{index}]"
        match self.name:
            case "f32":
                return f"{place} = f32(floats[{index}])"
            case "f64":
                return f"{place} = floats[{index}]"
            case "bool":
                return f"{place} = {value} != 0"
            case "Color":
                return f"{place} = Color(u16({value}))"
            case "Ptr[u8]":
                return f"{place} = Ptr[u8]({value})"
        return f"{place} = {self.name}.wrap({value})"

    def load(self, place: str, index: int) -> str:
        """A statement that puts the value of ``place`` where results are wanted."""
        match self.name:
            case "f32":
                return f"floats[{index}] = f64({place})"
            case "f64":
                return f"floats[{index}] = {place}"
            case "bool" | "Color" | "Ptr[u8]":
                return f"integers[{index}] = u64({place})"
        return f"integers[{index}] = u64.wrap({place})"

    def values(self) -> st.SearchStrategy[Any]:
        if self.is_float:
            return st.floats(allow_nan=False, width=32 if self.name == "f32" else 64)
        if self.name == "bool":
            return st.booleans()
        if self.name == "Color":
            return st.sampled_from(MEMBERS)
        bits = 8 * ctypes.sizeof(self.c)
        if self.name.startswith("i"):
            return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return st.integers(0, 2**bits - 1)


LEAVES = [
    *(Leaf(f"u{bits}", getattr(ctypes, f"c_uint{bits}")) for bits in (8, 16, 32, 64)),
    *(Leaf(f"i{bits}", getattr(ctypes, f"c_int{bits}")) for bits in (8, 16, 32, 64)),
    Leaf("bool", ctypes.c_bool),
    Leaf("f32", ctypes.c_float),
    Leaf("f64", ctypes.c_double),
    Leaf("Color", ctypes.c_uint16),
    Leaf("Ptr[u8]", ctypes.c_uint64),
]


@dataclass(frozen=True)
class Array:
    element: Leaf | Array | Shape
    length: int


@dataclass(frozen=True)
class Shape:
    """A struct; the position of a part is its name."""

    parts: tuple[Leaf | Array | Shape, ...]
    packed: bool


Part = Leaf | Array | Shape


def parts(depth: int) -> st.SearchStrategy[Part]:
    leaf: st.SearchStrategy[Part] = st.sampled_from(LEAVES)
    if depth == 0:
        return leaf
    inner = parts(depth - 1)
    return st.one_of(leaf, leaf, st.builds(Array, inner, st.integers(1, 4)), shapes(depth - 1))


def shapes(depth: int) -> st.SearchStrategy[Shape]:
    chosen = st.lists(parts(depth), min_size=1, max_size=5).map(tuple)
    return st.builds(Shape, chosen, st.booleans())


class Module:
    """Names for shapes: a source text and C's structures, made together."""

    def __init__(self) -> None:
        self.lines = [ENUM]
        self.c: dict[Shape, type[ctypes.Structure]] = {}
        self.names: dict[Shape, str] = {}

    def name(self, part: Part) -> str:
        if isinstance(part, Leaf):
            return part.name
        if isinstance(part, Array):
            return f"Array[{self.name(part.element)}, {part.length}]"
        if part not in self.names:
            fields = [(f"m{index}", self.name(kind)) for index, kind in enumerate(part.parts)]
            name = self.names[part] = f"S{len(self.names)}"
            options = ", packed=True" if part.packed else ""
            self.lines.append(f"class {name}(Struct{options}):")
            self.lines += [f"    {field}: {kind}" for field, kind in fields]
            body: dict[str, Any] = {"_pack_": 1} if part.packed else {}
            body["_fields_"] = [(f"m{i}", self.c_type(kind)) for i, kind in enumerate(part.parts)]
            self.c[part] = type(name, (ctypes.Structure,), body)
        return self.names[part]

    def c_type(self, part: Part) -> Any:
        if isinstance(part, Leaf):
            return part.c
        if isinstance(part, Array):
            return self.c_type(part.element) * part.length
        self.name(part)
        return self.c[part]

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


Path = tuple[str | int, ...]


def leaves(part: Part, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every scalar inside, with the fields and indices that lead to it."""
    if isinstance(part, Leaf):
        yield path, part
    elif isinstance(part, Array):
        for index in range(part.length):
            yield from leaves(part.element, (*path, index))
    else:
        for index, kind in enumerate(part.parts):
            yield from leaves(kind, (*path, f"m{index}"))


def spell(path: Path) -> str:
    return "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)


def follow(base: Any, path: Path) -> Any:
    """The value at the end of a path, in a structure of ``ctypes`` or a view of metal's."""
    for step in path:
        base = getattr(base, step) if isinstance(step, str) else base[step]
    return base


def put(base: Any, path: Path, value: Any) -> None:
    """Set the value at the end of a path."""
    *way, last = path
    holder = follow(base, tuple(way))
    if isinstance(last, str):
        setattr(holder, last, value)
    else:
        holder[last] = value
