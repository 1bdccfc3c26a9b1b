"""The addresses of places, and single accesses to what lies there."""

from __future__ import annotations

from questv.metal import tree
from questv.metal.emit import expressions
from questv.metal.emit.ir import memory_type, symbol
from questv.metal.emit.writer import FunctionWriter
from questv.metal.tree import TrapKind
from questv.metal.types import BOOL, Type


def address(w: FunctionWriter, place: tree.Place) -> str:
    """The address of a place; in a checked build, stop on a null pointer or a wild index."""
    offset = 0
    while isinstance(place, tree.FieldPlace):
        offset += place.field.offset
        place = place.base
    base = _base_address(w, place)
    return base if offset == 0 else w.let(f"getelementptr i8, ptr {base}, i64 {offset}")


def _base_address(w: FunctionWriter, place: tree.Place) -> str:
    match place:
        case tree.LocalPlace():
            return w.slots[place.local]
        case tree.StaticPlace():
            return symbol(w.unit.use_static(place.variable))
        case tree.PointerPlace():
            return _pointer_address(w, place)
        case tree.IndexPlace():
            base = address(w, place.base)
            index = expressions.emit(w, place.index)
            if not isinstance(place.index, tree.Constant):
                w.at(place)
                if w.unit.checks:
                    w.require(w.let(f"icmp ult i64 {index}, {place.length}"), TrapKind.BOUNDS)
                else:
                    base = w.any_address(base)
            return _step(w, base, index, place.type)
    raise AssertionError(place)


def _pointer_address(w: FunctionWriter, place: tree.PointerPlace) -> str:
    pointer = expressions.emit(w, place.pointer)
    index = None if place.index is None else expressions.emit(w, place.index)
    if w.unit.checks and not place.reference:
        w.at(place)
        w.require(w.let(f"icmp ne ptr {pointer}, null"), TrapKind.NULL)
    return pointer if index is None else _step(w, pointer, index, place.type)


def _step(w: FunctionWriter, base: str, index: str, element: Type) -> str:
    if index == "0":
        return base
    scaled = index if element.size == 1 else w.let(f"mul i64 {index}, {element.size}")
    return w.let(f"getelementptr i8, ptr {base}, i64 {scaled}")


def load(w: FunctionWriter, place: tree.Place) -> str:
    """The scalar at a place."""
    where = address(w, place)
    w.at(place)
    align = _alignment(place)
    value = w.let(f"load {memory_type(place.type)}, ptr {where}, align {align}")
    return from_memory(w, place.type, value)


def store(w: FunctionWriter, place: tree.Place, where: str, value: str) -> None:
    """Store a scalar at the address of a place, worked out before."""
    value = to_memory(w, place.type, value)
    align = _alignment(place)
    w.run(f"store {memory_type(place.type)} {value}, ptr {where}, align {align}")


def _alignment(place: tree.Place) -> int:
    """What may be assumed of an address: nothing, unless the compiler itself chose it.

    A wild or packed pointer may point anywhere, and on x86 a plain access may be unaligned; a
    stronger claim would let the optimizer draw conclusions from it.
    """
    return place.type.align if isinstance(place, tree.LocalPlace) else 1


def from_memory(w: FunctionWriter, type_: Type, value: str) -> str:
    """A scalar as read from memory, in its register form: any byte but zero is true."""
    return w.let(f"icmp ne i8 {value}, 0") if type_ == BOOL else value


def to_memory(w: FunctionWriter, type_: Type, value: str) -> str:
    """A scalar in its memory form; a constant stays one."""
    if type_ != BOOL:
        return value
    return {"false": "0", "true": "1"}.get(value) or w.let(f"zext i1 {value} to i8")
