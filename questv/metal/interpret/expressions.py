"""Values and addresses, worked out in Python's order."""

from __future__ import annotations

from questv.metal import tree
from questv.metal.definitions import MetalFunction
from questv.metal.interpret import arithmetic
from questv.metal.interpret.arithmetic import ADDRESSES
from questv.metal.interpret.events import Exchange, Load, Steps, Store
from questv.metal.interpret.faults import MemoryFault, UnsupportedError
from questv.metal.interpret.frame import Frame
from questv.metal.tree import CellOperation, Intrinsic, TrapKind
from questv.metal.types import NEVER, CellKind


def value(f: Frame, node: tree.Expression) -> Steps[int]:
    """The value of an expression that has one."""
    result = yield from evaluate(f, node)
    assert result is not None
    return result


def _values(f: Frame, nodes: tuple[tree.Expression, ...]) -> Steps[tuple[int, ...]]:
    made = []
    for node in nodes:
        made.append((yield from value(f, node)))
    return tuple(made)


def evaluate(f: Frame, node: tree.Expression) -> Steps[int | None]:
    """The value of an expression, None if it has none."""
    match node:
        case tree.Constant() if isinstance(node.value, int):
            return int(node.value)
        case tree.Text():
            return f.domain.text(node.value)
        case tree.FunctionAddress():
            return f.domain.function_address(node.function)
        case tree.Load():
            where = yield from address(f, node.place)
            return (yield from f.read(node, node.place.type, where))
        case tree.Reference():
            return (yield from address(f, node.place))
        case tree.Unary():
            operand = yield from value(f, node.operand)
            return arithmetic.unary(node.operator, node.type, operand)
        case tree.Binary():
            left = yield from value(f, node.left)
            right = yield from value(f, node.right)
            return binary(f, node, node, left, right)
        case tree.Compare():
            return (yield from _compare(f, node))
        case tree.Logic():
            return (yield from _logic(f, node))
        case tree.Conditional():
            test = yield from value(f, node.test)
            return (yield from value(f, node.chosen if test else node.other))
        case tree.Cast():
            operand = yield from value(f, node.operand)
            exact = node.exact and f.domain.checks
            result = arithmetic.cast(node.operand.type, node.type, operand, exact=exact)
            return f.unless_trapped(result, node)
        case tree.Call():
            arguments = yield from _values(f, node.arguments)
            return (yield from _call(f, node, node.function, arguments))
        case tree.PointerCall():
            return (yield from _pointer_call(f, node))
        case tree.CellAccess():
            return (yield from _cell(f, node))
        case tree.IntrinsicCall():
            return (yield from _intrinsic(f, node))
    raise UnsupportedError(f"{type(node).__name__} of {node.type}: {f.site(node)}")


def binary(
    f: Frame, node: tree.Node, operation: tree.Binary | tree.Update, left: int, right: int
) -> int:
    """The operator of an expression or an update, applied to two values."""
    type_ = operation.type if isinstance(operation, tree.Binary) else operation.place.type
    result = arithmetic.binary(operation.operator, type_, left, right, checks=f.domain.checks)
    return f.unless_trapped(result, node)


def _compare(f: Frame, node: tree.Compare) -> Steps[int]:
    left = yield from value(f, node.operands[0])
    for kind, operand in zip(node.operators, node.operands[1:], strict=True):
        right = yield from value(f, operand)
        if not arithmetic.compare(kind, left, right):
            return 0
        left = right
    return 1


def _logic(f: Frame, node: tree.Logic) -> Steps[int]:
    for operand in node.operands:
        if (yield from value(f, operand)) != node.conjunction:
            return int(not node.conjunction)
    return int(node.conjunction)


def _intrinsic(f: Frame, node: tree.IntrinsicCall) -> Steps[int]:
    values = yield from _values(f, node.arguments)
    if node.intrinsic is Intrinsic.TEXT_LENGTH:
        return (yield from f.read(node, node.type, values[0]))
    if node.intrinsic is Intrinsic.TEXT_BYTES:
        return values[0] + 8
    return arithmetic.intrinsic(node.intrinsic, node.type, values)


# ---- calls -----------------------------------------------------------------------------------


def _call(
    f: Frame, node: tree.Expression, function: MetalFunction, arguments: tuple[int, ...]
) -> Steps[int | None]:
    result = yield from f.domain.call(function, *arguments)
    if node.type == NEVER:
        raise f.trap(TrapKind.TRAP, node)  # it came back all the same
    return result


def _pointer_call(f: Frame, node: tree.PointerCall) -> Steps[int | None]:
    target = yield from value(f, node.target)
    arguments = yield from _values(f, node.arguments)
    function = f.domain.function_at(target)
    if function is None:
        raise MemoryFault(f"call of {target:#x}, where no function is: {f.site(node)}")
    return (yield from _call(f, node, function, arguments))


# ---- cells -----------------------------------------------------------------------------------


def _cell(f: Frame, node: tree.CellAccess) -> Steps[int | None]:
    """One event, wherever the cell lies."""
    where = yield from address(f, node.place)
    arguments = yield from _values(f, node.arguments)
    type_, site = node.cell.value, f.site(node)
    if node.cell.kind in (CellKind.ATOMIC, CellKind.SHARED) and where % type_.size:
        raise f.trap(TrapKind.ALIGNMENT, node)  # in every build: nothing defines what it does
    f.region(node, where, type_.size, write=node.operation is not CellOperation.LOAD)
    operands = tuple(arithmetic.to_memory(type_, argument) for argument in arguments)
    if node.operation is CellOperation.STORE:
        yield Store(site, where, type_.size, node.order, operands[0])
        return None
    if node.operation is CellOperation.LOAD:
        bits = yield Load(site, where, type_.size, node.order)
    else:
        bits = yield Exchange(site, where, type_.size, node.order, node.operation, operands)
    assert bits is not None
    return arithmetic.from_memory(type_, bits)


# ---- places ----------------------------------------------------------------------------------


def address(f: Frame, place: tree.Place) -> Steps[int]:
    """The address of a place; in a checked build, stop on a null pointer or a wild index."""
    match place:
        case tree.LocalPlace():
            return f.locals[place.local]
        case tree.StaticPlace():
            return f.domain.variable(place.variable).start
        case tree.FieldPlace():
            base = yield from address(f, place.base)
            return (base + place.field.offset) % ADDRESSES
        case tree.PointerPlace():
            base = yield from value(f, place.pointer)
            index = 0 if place.index is None else (yield from value(f, place.index))
            if f.domain.checks and not place.reference and base == 0:
                raise f.trap(TrapKind.NULL, place)
            return (base + index * place.type.size) % ADDRESSES
        case tree.IndexPlace():
            base = yield from address(f, place.base)
            index = yield from value(f, place.index)
            if f.domain.checks and index >= place.length:
                raise f.trap(TrapKind.BOUNDS, place)
            return (base + index * place.type.size) % ADDRESSES
    raise AssertionError(place)
