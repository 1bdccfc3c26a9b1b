"""The operations that look like functions of Python: local, ptr, copy, asm, min and their like."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from questv.metal import lang, structs, tree
from questv.metal.check import convert, places
from questv.metal.check.known import Known
from questv.metal.definitions import MetalFunction
from questv.metal.lang import Order
from questv.metal.tree import Intrinsic
from questv.metal.types import (
    F32,
    F64,
    NONE,
    TEXT,
    U8,
    U32,
    U64,
    ArrayType,
    FloatType,
    IntType,
    LayoutError,
    PointerType,
    Type,
    as_type,
    has_cell,
    is_aggregate,
    is_scalar,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker, Operand

Operation = Callable[["FunctionChecker", ast.Call], "Operand"]


def find(value: object) -> Operation | None:
    """The operation that a Python object names, if it names one."""
    try:
        return _OPERATIONS.get(value)
    except TypeError:  # not hashable, so certainly none of them
        return None


def counted(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number or 'no'} {thing}{'s' * (number != 1)}"


def no_arguments(c: FunctionChecker, node: ast.Call) -> None:
    """Refuse any argument."""
    _arguments(c, node, 0, f"{ast.unparse(node.func)}()")


def _arguments(c: FunctionChecker, node: ast.Call, count: int, usage: str) -> list[ast.expr]:
    if node.keywords or len(node.args) != count:
        c.error(
            node,
            "argument-count",
            f"{ast.unparse(node.func)} takes {counted(count, 'argument')}",
            f"write {usage}",
        )
    return node.args


def _at(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset + 1


# ---- places ----------------------------------------------------------------------------------


def place_of(c: FunctionChecker, node: ast.expr) -> tree.Place:
    """An argument that must be a place in memory."""
    operand = c.operand(node)
    if not isinstance(operand, Known):
        place = places.aggregate_place(c, node, operand)
        if place is not None:
            return place
        if isinstance(operand, tree.Place):
            return operand
    c.error(
        node,
        "no-place",
        f"'{ast.unparse(node)}' has no address",
        "name a variable, a field or an element",
    )


def _addr(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, "addr(place)")
    operand = c.operand(argument)
    if isinstance(operand, Known) and isinstance(operand.value, MetalFunction):
        address = convert.function_address(c, argument, operand.value)
        return tree.Cast(*_at(node), U64, address, exact=False)
    return tree.Reference(*_at(node), U64, place_of(c, argument))


def _ptr(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, "ptr(place)")
    place = place_of(c, argument)
    return tree.Reference(*_at(node), PointerType(place.type), place)


def _local(c: FunctionChecker, node: ast.Call) -> Operand:
    c.error(
        node,
        "local-form",
        "local() makes the memory of an annotated variable",
        "write it on a line of its own: buffer: Array[u8, 64] = local()",
    )


# ---- statements in the form of calls ---------------------------------------------------------


def statement(c: FunctionChecker, node: ast.Call) -> tree.Statement | None:
    """The statement that a call stands for, or None if it is an ordinary call."""
    value = places.path_value(c, node.func)
    if not any(value is form for form in (lang.copy, lang.clear, lang.fence, lang.trap)):
        return None
    c.operand(node.func)  # recorded as what the code was made from
    if value is lang.copy:
        return _copy(c, node)
    if value is lang.clear:
        return _clear(c, node)
    if value is lang.fence:
        return _fence(c, node)
    no_arguments(c, node)
    c.flow.stop()
    return tree.Trap(*_at(node), tree.TrapKind.TRAP)


def _fence(c: FunctionChecker, node: ast.Call) -> tree.Statement:
    (argument,) = _arguments(c, node, 1, "fence(SEQ_CST)")
    operand = c.operand(argument)
    order = operand.value if isinstance(operand, Known) else None
    if not isinstance(order, Order) or order is Order.RELAXED:
        c.error(
            argument,
            "order-wrong",
            "a fence orders what stands before and after it",
            "use ACQUIRE, RELEASE, ACQ_REL or SEQ_CST",
        )
    return tree.Fence(*_at(node), order)


def _copy(c: FunctionChecker, node: ast.Call) -> tree.Statement:
    to_node, source_node = _arguments(c, node, 2, "copy(to, source)")
    to, source = place_of(c, to_node), place_of(c, source_node)
    if to.type != source.type or not is_aggregate(to.type):
        fix = "assign scalars with ="
        if is_aggregate(to.type) and is_aggregate(source.type):
            fix = "copy field by field or element by element"
        c.error(
            node,
            "copy-types",
            f"copy() takes two structs or arrays of one type, not {to.type} and {source.type}",
            fix,
        )
    _refuse_cells(c, node, to.type)
    return tree.Copy(*_at(node), to, source)


def _clear(c: FunctionChecker, node: ast.Call) -> tree.Statement:
    (argument,) = _arguments(c, node, 1, "clear(place)")
    place = place_of(c, argument)
    _refuse_cells(c, node, place.type)
    return tree.Clear(*_at(node), place)


def _refuse_cells(c: FunctionChecker, node: ast.Call, type_: Type) -> None:
    if has_cell(type_):
        c.error(
            node,
            "cell-bulk",
            f"{type_} holds cells, whose accesses are single and named",
            "set or read them one by one",
        )


def _statement_only(c: FunctionChecker, node: ast.Call) -> Operand:
    c.error(
        node,
        "no-value",
        f"{ast.unparse(node.func)}() yields no value",
        "put the call on a line by itself",
    )


# ---- assembly --------------------------------------------------------------------------------


def _asm(c: FunctionChecker, node: ast.Call) -> Operand:
    usage = 'asm("template", result type or tuple of them or None, "constraints", values...)'
    if len(node.args) < 3 or node.keywords:
        c.error(node, "asm-form", "asm() takes at least three arguments", f"write {usage}")
    template, constraints = _known_text(c, node.args[0]), _known_text(c, node.args[2])
    results = _result_types(c, node.args[1], usage)
    for type_ in results:
        c.check_floats(node.args[1], type_)
    arguments = tuple(c.value(argument) for argument in node.args[3:])
    for value, argument in zip(arguments, node.args[3:], strict=True):
        if not is_scalar(value.type):
            c.error(
                argument,
                "asm-form",
                f"assembly takes scalars, not {value.type}",
                f"pass its address: addr({ast.unparse(argument)})",
            )
    _check_constraints(c, node, (template, constraints), len(results), len(arguments))
    c.tree.pushes = max(c.tree.pushes, 8 * len(_PUSH.findall(template)))
    type_ = results[0] if len(results) == 1 else NONE
    return tree.Assembly(*_at(node), type_, template, constraints, results, arguments)


_PUSH = re.compile(r"\bpush")
_CONSTRAINT = re.compile(r"(=&?|)(?:[rqxi]|[0-9]|\{[a-z0-9]+\})|~\{[a-z0-9]+\}")


def _check_constraints(
    c: FunctionChecker, node: ast.Call, texts: tuple[str, str], results: int, values: int
) -> None:
    """Refuse constraints that are not one for each result, then one for each value.

    ``texts`` are the template, which may only name these, and the constraints.
    """
    template, constraints = texts
    parts = constraints.split(",") if constraints else []
    for part in parts:
        if not _CONSTRAINT.fullmatch(part):
            c.error(
                node.args[2],
                "asm-operands",
                f"'{part}' is no constraint",
                'write "=r" for a result, "r" for a value, "={eax}" or "{eax}" for a register of '
                'your choice, "~{ecx}" for one that is destroyed, with commas and no spaces',
            )
    outputs = sum(part.startswith("=") for part in parts)
    inputs = sum(not part.startswith(("=", "~")) for part in parts)
    if (outputs, inputs) != (results, values):
        c.error(
            node.args[2],
            "asm-operands",
            f"the constraints are for {counted(outputs, 'result')} and "
            f"{counted(inputs, 'value')}, but there are {results} and {values}",
            'give each result one such as "=r", then each value one such as "r"',
        )
    for number in map(int, re.findall(r"(?<!\$)\$\{?(\d+)", template)):
        if number >= results + values:
            c.error(
                node.args[0],
                "asm-operands",
                f"${number} stands for nothing: there are {counted(results + values, 'operand')}",
                "count the results from $0, then the values; a number is written without $",
            )


def _known_text(c: FunctionChecker, node: ast.expr) -> str:
    operand = c.operand(node)
    if isinstance(operand, Known) and isinstance(operand.value, str):
        with contextlib.suppress(UnicodeEncodeError):
            operand.value.encode()
            return operand.value
    c.error(
        node,
        "constant-text",
        "this must be a string that is known at compile time",
        "write it out, or give it a name at module level",
    )


def _result_types(c: FunctionChecker, node: ast.expr, usage: str) -> tuple[Type, ...]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    types = []
    for part in parts:
        operand = c.operand(part) if not _is_none(part) else Known(None)
        try:
            type_ = as_type(operand.value) if isinstance(operand, Known) else NONE
        except LayoutError as error:
            c.layout_error(part, error)
        if not (is_scalar(type_) or _is_none(part)):
            c.error(part, "asm-form", f"assembly can't yield {type_}", f"write {usage}")
        if not _is_none(part):
            types.append(type_)
    return tuple(types)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


# ---- intrinsics ------------------------------------------------------------------------------


def _integer_intrinsic(intrinsic: Intrinsic, count: int, *, signed: bool = False) -> Operation:
    def check(c: FunctionChecker, node: ast.Call) -> Operand:
        usage = f"{intrinsic.value}({', '.join('ab'[:count])})"
        nodes = _arguments(c, node, count, usage)
        operands = [c.operand(argument) for argument in nodes]
        if all(isinstance(operand, Known) and operand.is_number for operand in operands):
            if intrinsic in (Intrinsic.MINIMUM, Intrinsic.MAXIMUM):
                numbers = [operand.value for operand in operands if isinstance(operand, Known)]
                return Known((min if intrinsic is Intrinsic.MINIMUM else max)(numbers))
            c.error(
                node,
                "literal-width",
                "nothing here says how wide the number is",
                f"cast it: {intrinsic.value}(u64(...))",
            )
        typed = next(
            operand
            for operand in operands
            if not (isinstance(operand, Known) and operand.is_number)
        )
        index = operands.index(typed)
        type_ = convert.to_value(c, nodes[index], typed, None).type
        allowed = isinstance(type_, IntType) and (signed or not type_.signed)
        if not allowed and not (signed and isinstance(type_, FloatType)):
            c.error(
                node,
                "no-operator",
                f"{intrinsic.value}() does not take {type_}",
                "cast to an unsigned integer" if not signed else "use numbers",
            )
        values = []
        for argument, operand in zip(nodes, operands, strict=True):
            value = convert.adapted(c, argument, operand, type_)
            if value.type != type_:
                c.error(
                    node,
                    "mixed-types",
                    f"{intrinsic.value}() can't mix {type_} and {value.type}",
                    "cast one of them",
                )
            values.append(value)
        return tree.IntrinsicCall(*_at(node), type_, intrinsic, tuple(values))

    return check


def _float_intrinsic(intrinsic: Intrinsic, results: dict[Type, Type]) -> Operation:
    """An intrinsic over one value; ``results`` has its type for each that the value may have."""

    def check(c: FunctionChecker, node: ast.Call) -> Operand:
        (argument,) = _arguments(c, node, 1, f"{intrinsic.value}(a)")
        value = c.value(argument)
        if value.type not in results:
            takes = " or ".join(map(str, results))
            c.error(
                node,
                "no-operator",
                f"{intrinsic.value}() does not take {value.type}",
                f"cast to {takes}",
            )
        type_ = results[value.type]
        c.check_floats(node, type_)
        return tree.IntrinsicCall(*_at(node), type_, intrinsic, (value,))

    return check


def _text_bytes(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, "text_bytes(text)")
    value = c.value(argument, TEXT)
    return tree.IntrinsicCall(*_at(node), PointerType(U8), Intrinsic.TEXT_BYTES, (value,))


def _len(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, "len(text or array)")
    operand = c.operand(argument)
    if isinstance(operand, Known):
        text = isinstance(operand.value, str)
        try:
            # The length of a text is that of its bytes, here as when the program runs.
            return Known(len(operand.value.encode() if text else operand.value))
        except Exception:
            c.error(node, "no-length", "this has no length", "use a text, an array or a table")
    if isinstance(operand.type, ArrayType):
        return Known(operand.type.length)
    if operand.type == TEXT:
        value = convert.to_value(c, argument, operand, None)
        return tree.IntrinsicCall(*_at(node), U64, Intrinsic.TEXT_LENGTH, (value,))
    c.error(node, "no-length", f"{operand.type} has no length", "use a text or an array")


def _ord(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, 'ord("A")')
    operand = c.operand(argument)
    if not (isinstance(operand, Known) and isinstance(operand.value, str)) or (
        len(operand.value) != 1
    ):
        c.error(node, "ord-form", "ord() takes one constant character", 'write ord("A")')
    return Known(ord(operand.value))


def _sizeof(c: FunctionChecker, node: ast.Call) -> Operand:
    (argument,) = _arguments(c, node, 1, "sizeof(type or variable)")
    operand = c.operand(argument)
    try:
        return Known(as_type(operand.value if isinstance(operand, Known) else operand.type).size)
    except LayoutError as error:
        c.layout_error(node, error)


def _offsetof(c: FunctionChecker, node: ast.Call) -> Operand:
    struct, field = _arguments(c, node, 2, 'offsetof(Struct, "field")')
    known, name = c.operand(struct), _known_text(c, field)
    try:
        layout = as_type(known.value if isinstance(known, Known) else object)
        return Known(layout.fields[name].offset)  # type: ignore[attr-defined]
    except LayoutError as error:
        c.layout_error(node, error)
    except (KeyError, AttributeError):
        c.error(node, "no-field", f"there is no field '{name}'", "name a field of a struct")


_OPERATIONS: dict[object, Operation] = {
    lang.addr: _addr,
    lang.ptr: _ptr,
    lang.local: _local,
    lang.asm: _asm,
    lang.copy: _statement_only,
    lang.clear: _statement_only,
    lang.fence: _statement_only,
    lang.trap: _statement_only,
    lang.text_bytes: _text_bytes,
    lang.multiply_high: _integer_intrinsic(Intrinsic.MULTIPLY_HIGH, 2),
    lang.leading_zeros: _integer_intrinsic(Intrinsic.LEADING_ZEROS, 1),
    lang.trailing_zeros: _integer_intrinsic(Intrinsic.TRAILING_ZEROS, 1),
    lang.count_ones: _integer_intrinsic(Intrinsic.COUNT_ONES, 1),
    lang.byte_swap: _integer_intrinsic(Intrinsic.BYTE_SWAP, 1),
    lang.square_root: _float_intrinsic(Intrinsic.SQUARE_ROOT, {F32: F32, F64: F64}),
    lang.float_bits: _float_intrinsic(Intrinsic.FLOAT_BITS, {F32: U32, F64: U64}),
    lang.float_from_bits: _float_intrinsic(Intrinsic.FLOAT_FROM_BITS, {U32: F32, U64: F64}),
    min: _integer_intrinsic(Intrinsic.MINIMUM, 2, signed=True),
    max: _integer_intrinsic(Intrinsic.MAXIMUM, 2, signed=True),
    len: _len,
    ord: _ord,
    structs.sizeof: _sizeof,
    structs.offsetof: _offsetof,
}
