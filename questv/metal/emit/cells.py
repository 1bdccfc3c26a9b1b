"""Accesses to atomic, shared, volatile and register cells."""

from __future__ import annotations

from questv.metal import tree
from questv.metal.emit import expressions, places
from questv.metal.emit.ir import memory_type
from questv.metal.emit.writer import FunctionWriter
from questv.metal.lang import Order
from questv.metal.tree import CellOperation, TrapKind
from questv.metal.types import CellKind, Type

_UPDATES = {
    CellOperation.SWAP: "xchg",
    CellOperation.ADD: "add",
    CellOperation.SUBTRACT: "sub",
    CellOperation.AND: "and",
    CellOperation.OR: "or",
    CellOperation.XOR: "xor",
}


def emit(w: FunctionWriter, access: tree.CellAccess) -> str:
    """The access; its result is the value before it."""
    where = places.address(w, access.place)
    arguments = [expressions.emit(w, argument) for argument in access.arguments]
    w.at(access)
    value = access.cell.value
    if access.cell.kind is CellKind.REGISTER:
        return _register(w, access.operation, value, where, arguments)
    if access.cell.kind is CellKind.VOLATILE:
        return _volatile(w, access.operation, value, where, arguments)
    _require_alignment(w, value, where)
    # Shared memory is volatile as well: no access may be repeated, merged or made up.
    volatile = " volatile" if access.cell.kind is CellKind.SHARED else ""
    assert access.order is not None
    return _atomic(w, access.operation, value, where, arguments, access.order, volatile)


def _require_alignment(w: FunctionWriter, value: Type, where: str) -> None:
    if w.unit.checks and value.size > 1:
        number = w.let(f"ptrtoint ptr {where} to i64")
        rest = w.let(f"and i64 {number}, {value.size - 1}")
        w.require(w.let(f"icmp eq i64 {rest}, 0"), TrapKind.ALIGNMENT)


def _atomic(
    w: FunctionWriter,
    operation: CellOperation,
    value: Type,
    where: str,
    arguments: list[str],
    order: Order,
    volatile: str,
) -> str:
    spelt, align = memory_type(value), value.align
    if operation is CellOperation.LOAD:
        loaded = w.let(f"load atomic{volatile} {spelt}, ptr {where} {order.value}, align {align}")
        return places.from_memory(w, value, loaded)
    given = [places.to_memory(w, value, argument) for argument in arguments]
    if operation is CellOperation.STORE:
        w.run(
            f"store atomic{volatile} {spelt} {given[0]}, ptr {where} {order.value}, align {align}"
        )
        return ""
    if operation is CellOperation.COMPARE_SWAP:
        failure = {Order.RELEASE: "monotonic", Order.ACQ_REL: "acquire"}.get(order, order.value)
        pair = w.let(
            f"cmpxchg ptr {where}, {spelt} {given[0]}, {spelt} {given[1]} {order.value} {failure}"
        )
        found = w.let(f"extractvalue {{ {spelt}, i1 }} {pair}, 0")
        return places.from_memory(w, value, found)
    before = w.let(f"atomicrmw {_UPDATES[operation]} ptr {where}, {spelt} {given[0]} {order.value}")
    return places.from_memory(w, value, before)


def _volatile(
    w: FunctionWriter, operation: CellOperation, value: Type, where: str, arguments: list[str]
) -> str:
    spelt = memory_type(value)
    if operation is CellOperation.LOAD:
        loaded = w.let(f"load volatile {spelt}, ptr {where}, align 1")
        return places.from_memory(w, value, loaded)
    given = places.to_memory(w, value, arguments[0])
    w.run(f"store volatile {spelt} {given}, ptr {where}, align 1")
    return ""


def _register(
    w: FunctionWriter, operation: CellOperation, value: Type, where: str, arguments: list[str]
) -> str:
    """One plain ``mov`` each, so that a device never sees another instruction's access."""
    spelt = memory_type(value)
    width = {1: "byte", 2: "word", 4: "dword", 8: "qword"}[value.size]
    if operation is CellOperation.LOAD:
        loaded = w.let(
            f"call {spelt} asm sideeffect inteldialect "
            f'"mov $0, {width} ptr [$1]", "=q,r,~{{memory}}"(ptr {where})'
        )
        return places.from_memory(w, value, loaded)
    given = places.to_memory(w, value, arguments[0])
    w.run(
        "call void asm sideeffect inteldialect "
        f'"mov {width} ptr [$0], $1", "r,q,~{{memory}}"(ptr {where}, {spelt} {given})'
    )
    return ""
