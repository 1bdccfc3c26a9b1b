"""Atomic, shared, volatile and register cells: each use is one named access."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

from questv.metal import tree
from questv.metal.check import places
from questv.metal.check.known import Known
from questv.metal.lang import Order
from questv.metal.tree import CellOperation
from questv.metal.types import NONE, CellKind, CellType, IntType

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker

_ATOMIC = {operation.value: operation for operation in CellOperation}
_PLAIN = {"read": CellOperation.LOAD, "write": CellOperation.STORE}
_VALUES = {CellOperation.LOAD: 0, CellOperation.COMPARE_SWAP: 2}
_ORDERS = {
    CellOperation.LOAD: (Order.RELAXED, Order.ACQUIRE, Order.SEQ_CST),
    CellOperation.STORE: (Order.RELAXED, Order.RELEASE, Order.SEQ_CST),
}
_ARITHMETIC = {
    CellOperation.ADD,
    CellOperation.SUBTRACT,
    CellOperation.AND,
    CellOperation.OR,
    CellOperation.XOR,
}


def access(
    c: FunctionChecker, node: ast.Call, func: ast.Attribute, place: tree.Place, cell: CellType
) -> tree.Expression:
    """``place.method(values..., order)`` on a cell."""
    ordered = cell.kind in (CellKind.ATOMIC, CellKind.SHARED)
    operation = (_ATOMIC if ordered else _PLAIN).get(func.attr)
    if operation is None or (
        cell.kind is CellKind.SHARED and operation not in (CellOperation.LOAD, CellOperation.STORE)
    ):
        c.error(node, "no-method", f"{cell} has no method '{func.attr}'", _methods(cell))
    values = _VALUES.get(operation, 1)
    if node.keywords or len(node.args) != values + ordered:
        if ordered and not node.keywords and len(node.args) == values and not _is_order(c, node):
            _order_missing(c, node)
        c.error(
            node, "argument-count", f"{cell}.{func.attr}() takes other arguments", _methods(cell)
        )
    if operation in _ARITHMETIC and not isinstance(cell.value, IntType):
        c.error(
            node, "no-operator", f"{cell.value} has no operation '{func.attr}'", "use an integer"
        )
    arguments = tuple(c.value(argument, cell.value) for argument in node.args[:values])
    order = _order(c, node.args[-1], operation) if ordered else None
    if cell.kind is CellKind.SHARED and operation is CellOperation.LOAD and node is not c.landing:
        c.error(
            node,
            "shared-landing",
            "what a hostile party can write must land in a local before it is used",
            f"write: value = {ast.unparse(node)}, and use the local from there on",
        )
    result = NONE if operation is CellOperation.STORE else cell.value
    at = (node.lineno, node.col_offset + 1)
    return tree.CellAccess(*at, result, operation, place, cell, order, arguments)


def _order(c: FunctionChecker, node: ast.expr, operation: CellOperation) -> Order:
    operand = c.operand(node)
    if not (isinstance(operand, Known) and isinstance(operand.value, Order)):
        _order_missing(c, node)
    allowed = _ORDERS.get(operation, tuple(Order))
    if operand.value not in allowed:
        names = ", ".join(order.name for order in allowed)
        c.error(
            node,
            "order-wrong",
            f"a {operation.value} can't be {operand.value.name}",
            f"use one of {names}",
        )
    return operand.value


def _is_order(c: FunctionChecker, node: ast.Call) -> bool:
    """Whether the last argument is a memory order."""
    return bool(node.args) and isinstance(places.path_value(c, node.args[-1]), Order)


def _order_missing(c: FunctionChecker, node: ast.expr) -> NoReturn:
    c.error(
        node,
        "order-missing",
        "an access to an atomic or shared cell names its memory order",
        "give RELAXED, ACQUIRE, RELEASE, ACQ_REL or SEQ_CST as the last argument",
    )


def _methods(cell: CellType) -> str:
    if cell.kind is CellKind.ATOMIC:
        return (
            "it has load(order), store(value, order), swap(value, order), "
            "compare_swap(expected, value, order), add, subtract, and_, or_, xor(value, order)"
        )
    if cell.kind is CellKind.SHARED:
        return "it has load(order) and store(value, order)"
    return "it has read() and write(value)"
