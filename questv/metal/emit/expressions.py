"""Values: arithmetic as hardware does it, with nothing left undefined."""

from __future__ import annotations

from questv.metal import tree
from questv.metal.emit import cells, places
from questv.metal.emit.ir import (
    constant,
    memory_type,
    parameter_type,
    register_type,
    result_type,
    string,
    symbol,
)
from questv.metal.emit.writer import FunctionWriter
from questv.metal.tree import BinaryOperator, Comparison, Intrinsic, TrapKind, UnaryOperator
from questv.metal.types import (
    BOOL,
    NEVER,
    U8,
    BoolType,
    EnumType,
    FloatType,
    IntType,
    Type,
    is_aggregate,
)


def emit(w: FunctionWriter, node: tree.Expression) -> str:
    """The value of an expression, as an LLVM operand; empty if it has none."""
    match node:
        case tree.Constant():
            return constant(node.type, node.value)
        case tree.Text():
            return symbol(w.unit.use_text(node.value))
        case tree.FunctionAddress():
            return symbol(w.unit.use_function(node.function))
        case tree.Load():
            return places.load(w, node.place)
        case tree.Reference():
            return _reference(w, node)
        case tree.Unary():
            return _unary(w, node)
        case tree.Binary():
            left, right = emit(w, node.left), emit(w, node.right)
            w.at(node)
            return binary(w, node.operator, node.type, left, right, node.right)
        case tree.Compare():
            return _compare(w, node)
        case tree.Logic():
            return _logic(w, node)
        case tree.Conditional():
            return _conditional(w, node)
        case tree.Cast():
            return _cast(w, node)
        case tree.Call():
            return _call(w, node, symbol(w.unit.use_function(node.function)), node.arguments)
        case tree.PointerCall():
            return _call(w, node, emit(w, node.target), node.arguments)
        case tree.CellAccess():
            return cells.emit(w, node)
        case tree.Assembly():
            return next(iter(assembly(w, node)), "")
        case tree.IntrinsicCall():
            return _intrinsic(w, node)
    raise AssertionError(node)


def _reference(w: FunctionWriter, node: tree.Reference) -> str:
    where = places.address(w, node.place)
    w.at(node)
    if is_aggregate(node.type):
        return where
    where = w.any_address(where)
    if isinstance(node.type, IntType):
        return w.let(f"ptrtoint ptr {where} to i64")
    return where


def _integer(type_: Type) -> IntType | None:
    """The integer type that carries ``type_``, if one does."""
    if isinstance(type_, EnumType):
        return type_.base
    return type_ if isinstance(type_, IntType) else None


# ---- operators -------------------------------------------------------------------------------


def _unary(w: FunctionWriter, node: tree.Unary) -> str:
    value = emit(w, node.operand)
    w.at(node)
    spelt = register_type(node.type)
    if node.operator is UnaryOperator.NOT:
        return w.let(f"xor i1 {value}, true")
    if node.operator is UnaryOperator.INVERT:
        return w.let(f"xor {spelt} {value}, -1")
    if isinstance(node.type, FloatType):
        return w.let(f"fneg {spelt} {value}")
    return w.let(f"sub {spelt} 0, {value}")


_PLAIN = {
    BinaryOperator.ADD: "add",
    BinaryOperator.SUBTRACT: "sub",
    BinaryOperator.MULTIPLY: "mul",
    BinaryOperator.AND: "and",
    BinaryOperator.OR: "or",
    BinaryOperator.XOR: "xor",
}
_FLOAT = {
    BinaryOperator.ADD: "fadd",
    BinaryOperator.SUBTRACT: "fsub",
    BinaryOperator.MULTIPLY: "fmul",
    BinaryOperator.DIVIDE: "fdiv",
}


def binary(
    w: FunctionWriter,
    operator: BinaryOperator,
    type_: Type,
    left: str,
    right: str,
    right_node: tree.Expression,
) -> str:
    """An operator applied to two values of ``type_``; ``right_node`` tells a constant."""
    spelt = register_type(type_)
    if isinstance(type_, FloatType):
        return w.let(f"{_FLOAT[operator]} {spelt} {left}, {right}")
    if operator in _PLAIN:
        return w.let(f"{_PLAIN[operator]} {spelt} {left}, {right}")
    assert isinstance(type_, IntType)
    known = isinstance(right_node, tree.Constant)
    if operator in (BinaryOperator.SHIFT_LEFT, BinaryOperator.SHIFT_RIGHT):
        return _shift(w, operator, type_, left, right, known)
    if not known:
        w.require(w.let(f"icmp ne {spelt} {right}, 0"), TrapKind.DIVISION)
    if not type_.signed:
        name = "udiv" if operator is BinaryOperator.FLOOR_DIVIDE else "urem"
        return w.let(f"{name} {spelt} {left}, {right}")
    if operator is BinaryOperator.FLOOR_DIVIDE:
        return _floor_divide(w, type_, left, right)
    return _floor_remainder(w, type_, left, right)


def _shift(
    w: FunctionWriter,
    operator: BinaryOperator,
    type_: IntType,
    left: str,
    right: str,
    known: bool,
) -> str:
    spelt = register_type(type_)
    if not known:
        if w.unit.checks:
            w.require(w.let(f"icmp ult {spelt} {right}, {type_.bits}"), TrapKind.SHIFT)
        right = w.let(f"and {spelt} {right}, {type_.bits - 1}")
    name = "shl"
    if operator is BinaryOperator.SHIFT_RIGHT:
        name = "ashr" if type_.signed else "lshr"
    return w.let(f"{name} {spelt} {left}, {right}")


def _floor_divide(w: FunctionWriter, type_: IntType, left: str, right: str) -> str:
    """Towards minus infinity, as Python's; the machine's division goes towards zero."""
    spelt = register_type(type_)
    smallest = w.let(f"icmp eq {spelt} {left}, {type_.MIN}")
    minus_one = w.let(f"icmp eq {spelt} {right}, -1")
    overflow = w.let(f"and i1 {smallest}, {minus_one}")
    w.require(w.let(f"xor i1 {overflow}, true"), TrapKind.DIVISION)
    quotient = w.let(f"sdiv {spelt} {left}, {right}")
    rest = w.let(f"srem {spelt} {left}, {right}")
    down = w.let(f"zext i1 {_rounds_down(w, spelt, rest, right)} to {spelt}")
    return w.let(f"sub {spelt} {quotient}, {down}")


def _floor_remainder(w: FunctionWriter, type_: IntType, left: str, right: str) -> str:
    """With the sign of the divisor, as Python's; by minus one it is zero, for MIN too."""
    spelt = register_type(type_)
    minus_one = w.let(f"icmp eq {spelt} {right}, -1")
    divisor = w.let(f"select i1 {minus_one}, {spelt} 1, {spelt} {right}")
    rest = w.let(f"srem {spelt} {left}, {divisor}")
    adjusted = w.let(f"add {spelt} {rest}, {right}")
    down = _rounds_down(w, spelt, rest, right)
    return w.let(f"select i1 {down}, {spelt} {adjusted}, {spelt} {rest}")


def _rounds_down(w: FunctionWriter, spelt: str, rest: str, divisor: str) -> str:
    inexact = w.let(f"icmp ne {spelt} {rest}, 0")
    signs = w.let(f"xor {spelt} {rest}, {divisor}")
    differ = w.let(f"icmp slt {spelt} {signs}, 0")
    return w.let(f"and i1 {inexact}, {differ}")


_SIGNED = {
    Comparison.EQ: "eq",
    Comparison.NE: "ne",
    Comparison.LT: "slt",
    Comparison.LE: "sle",
    Comparison.GT: "sgt",
    Comparison.GE: "sge",
}
_FLOAT_COMPARE = {
    Comparison.EQ: "oeq",
    Comparison.NE: "une",
    Comparison.LT: "olt",
    Comparison.LE: "ole",
    Comparison.GT: "ogt",
    Comparison.GE: "oge",
}


def _compare_two(w: FunctionWriter, kind: Comparison, type_: Type, left: str, right: str) -> str:
    spelt = register_type(type_)
    if isinstance(type_, FloatType):
        return w.let(f"fcmp {_FLOAT_COMPARE[kind]} {spelt} {left}, {right}")
    base = _integer(type_)
    name = _SIGNED[kind]
    if not (base is not None and base.signed):
        name = name.replace("s", "u") if len(name) == 3 else name
    return w.let(f"icmp {name} {spelt} {left}, {right}")


def _compare(w: FunctionWriter, node: tree.Compare) -> str:
    left, right = emit(w, node.operands[0]), emit(w, node.operands[1])
    w.at(node)
    result = _compare_two(w, node.operators[0], node.operands[0].type, left, right)
    if len(node.operators) == 1:
        return result
    slot, end = w.stack_slot("i1", 1), w.label("compared")
    w.run(f"store i1 {result}, ptr {slot}")
    for kind, operand in zip(node.operators[1:], node.operands[2:], strict=True):
        go_on = w.label("chain")
        w.branch(result, go_on, end)
        w.place(go_on)
        left, right = right, emit(w, operand)
        w.at(node)
        result = _compare_two(w, kind, operand.type, left, right)
        w.run(f"store i1 {result}, ptr {slot}")
    w.place(end)
    return w.let(f"load i1, ptr {slot}")


def _logic(w: FunctionWriter, node: tree.Logic) -> str:
    slot, end = w.stack_slot("i1", 1), w.label("decided")
    for index, operand in enumerate(node.operands):
        value = emit(w, operand)
        w.at(operand)
        w.run(f"store i1 {value}, ptr {slot}")
        if index + 1 < len(node.operands):
            go_on = w.label("next")
            if node.conjunction:
                w.branch(value, go_on, end)
            else:
                w.branch(value, end, go_on)
            w.place(go_on)
    w.place(end)
    return w.let(f"load i1, ptr {slot}")


def _conditional(w: FunctionWriter, node: tree.Conditional) -> str:
    test = emit(w, node.test)
    spelt = register_type(node.type)
    slot = w.stack_slot(spelt, max(1, node.type.align if spelt != "ptr" else 8))
    chosen, other, end = w.label("chosen"), w.label("other"), w.label("either")
    w.at(node)
    w.branch(test, chosen, other)
    for label, branch in ((chosen, node.chosen), (other, node.other)):
        w.lines.append(f"{label}:")
        w.terminated = False
        value = emit(w, branch)
        w.at(node)
        w.run(f"store {spelt} {value}, ptr {slot}")
        w.jump(end)
    w.place(end)
    return w.let(f"load {spelt}, ptr {slot}")


# ---- casts -----------------------------------------------------------------------------------


def _cast(w: FunctionWriter, node: tree.Cast) -> str:
    value = emit(w, node.operand)
    w.at(node)
    found, to = node.operand.type, node.type
    from_spelt, to_spelt = register_type(found), register_type(to)
    if to_spelt == "ptr":
        return value if from_spelt == "ptr" else w.let(f"inttoptr i64 {value} to ptr")
    if from_spelt == "ptr":
        return w.let(f"ptrtoint ptr {value} to i64")
    if isinstance(found, FloatType) or isinstance(to, FloatType):
        return _float_cast(w, value, found, to)
    source: IntType | BoolType = BOOL if found == BOOL else _integer(found) or U8
    target = _integer(to)
    assert target is not None
    if isinstance(source, BoolType):
        return w.let(f"zext i1 {value} to {to_spelt}")
    result = _resize(w, value, source, target)
    if node.exact and w.unit.checks:
        _require_exact(w, value, source, result, target)
    return result


def _resize(w: FunctionWriter, value: str, source: IntType, target: IntType) -> str:
    if target.bits == source.bits:
        return value
    name = "trunc" if target.bits < source.bits else "sext" if source.signed else "zext"
    return w.let(f"{name} i{source.bits} {value} to i{target.bits}")


def _require_exact(
    w: FunctionWriter, value: str, source: IntType, result: str, target: IntType
) -> None:
    """Stop unless the number is the same before and after."""
    if target.bits < source.bits:
        back = _resize(w, result, target, source)
        same = w.let(f"icmp eq i{source.bits} {back}, {value}")
        w.require(same, TrapKind.CAST)
    if source.signed != target.signed and not (target.bits > source.bits and not source.signed):
        # One of the two is signed: a negative number there is another number on this side.
        signed_value, bits = (value, source.bits) if source.signed else (result, target.bits)
        w.require(w.let(f"icmp sge i{bits} {signed_value}, 0"), TrapKind.CAST)


def _float_cast(w: FunctionWriter, value: str, found: Type, to: Type) -> str:
    from_spelt, to_spelt = register_type(found), register_type(to)
    if isinstance(found, FloatType) and isinstance(to, FloatType):
        name = "fpext" if to.bits > found.bits else "fptrunc"
        return value if to == found else w.let(f"{name} {from_spelt} {value} to {to_spelt}")
    if isinstance(to, FloatType):
        base = _integer(found)
        name = "sitofp" if base is not None and base.signed else "uitofp"
        return w.let(f"{name} {from_spelt} {value} to {to_spelt}")
    base = _integer(to)
    assert base is not None and isinstance(found, FloatType)
    # Towards zero; beyond the range the nearest bound, NaN is zero: defined for every value.
    name = f"llvm.fpto{'s' if base.signed else 'u'}i.sat.{to_spelt}.f{found.bits}"
    w.unit.use_intrinsic(f"declare {to_spelt} @{name}({from_spelt})")
    return w.let(f"call {to_spelt} @{name}({from_spelt} {value})")


# ---- calls -----------------------------------------------------------------------------------


def _call(
    w: FunctionWriter,
    node: tree.Expression,
    target: str,
    arguments: tuple[tree.Expression, ...],
) -> str:
    given = ", ".join(
        f"{parameter_type(argument.type)} {emit(w, argument)}" for argument in arguments
    )
    w.at(node)
    instruction = f"call {result_type(node.type)} {target}({given})"
    if node.type == NEVER:
        w.run(instruction)
        w.trap(TrapKind.TRAP)  # should it come back all the same
        return ""
    if node.type.size == 0:
        w.run(instruction)
        return ""
    return w.let(instruction)


CLOBBERS = "~{memory},~{dirflag},~{fpsr},~{flags}"


def assembly(w: FunctionWriter, node: tree.Assembly) -> list[str]:
    """Inline assembly; its results. A truth value goes in as one byte, and any but zero is true."""
    given = []
    for argument in node.arguments:
        value = places.to_memory(w, argument.type, emit(w, argument))
        given.append(f"{memory_type(argument.type)} {value}")
    w.at(node)
    types = [memory_type(type_) for type_ in node.results]
    whole = f"{{ {', '.join(types)} }}" if len(types) > 1 else "".join(types) or "void"
    constraints = f"{node.constraints},{CLOBBERS}" if node.constraints else CLOBBERS
    template = string(node.template.encode())
    instruction = (
        f'call {whole} asm sideeffect inteldialect "{template}", "{constraints}"'
        f"({', '.join(given)})"
    )
    if not types:
        w.run(instruction)
        return []
    values = [w.let(instruction)]
    if len(types) > 1:
        values = [w.let(f"extractvalue {whole} {values[0]}, {i}") for i in range(len(types))]
    return [
        places.from_memory(w, type_, value)
        for type_, value in zip(node.results, values, strict=True)
    ]


def _intrinsic(w: FunctionWriter, node: tree.IntrinsicCall) -> str:
    values = [emit(w, argument) for argument in node.arguments]
    w.at(node)
    spelt = register_type(node.type)
    if w.unit.checks and node.intrinsic in (Intrinsic.TEXT_LENGTH, Intrinsic.TEXT_BYTES):
        w.require(w.let(f"icmp ne ptr {values[0]}, null"), TrapKind.NULL)
    match node.intrinsic:
        case Intrinsic.TEXT_LENGTH:
            return w.let(f"load i64, ptr {values[0]}, align 8")
        case Intrinsic.TEXT_BYTES:
            return w.any_address(w.let(f"getelementptr i8, ptr {values[0]}, i64 8"))
        case Intrinsic.MINIMUM | Intrinsic.MAXIMUM:
            # As in Python, the first of two that are equal or, with NaN, not to be compared.
            kind = Comparison.LT if node.intrinsic is Intrinsic.MINIMUM else Comparison.GT
            test = _compare_two(w, kind, node.type, values[1], values[0])
            return w.let(f"select i1 {test}, {spelt} {values[1]}, {spelt} {values[0]}")
        case Intrinsic.MULTIPLY_HIGH:
            assert isinstance(node.type, IntType)
            wide = f"i{node.type.bits * 2}"
            left, right = (w.let(f"zext {spelt} {value} to {wide}") for value in values)
            product = w.let(f"mul {wide} {left}, {right}")
            high = w.let(f"lshr {wide} {product}, {node.type.bits}")
            return w.let(f"trunc {wide} {high} to {spelt}")
        case Intrinsic.FLOAT_BITS | Intrinsic.FLOAT_FROM_BITS:
            found = register_type(node.arguments[0].type)
            return w.let(f"bitcast {found} {values[0]} to {spelt}")
        case Intrinsic.SQUARE_ROOT:
            name = f"llvm.sqrt.f{node.type.size * 8}"
            w.unit.use_intrinsic(f"declare {spelt} @{name}({spelt})")
            return w.let(f"call {spelt} @{name}({spelt} {values[0]})")
    name, zero_is_poison = {
        Intrinsic.LEADING_ZEROS: ("ctlz", ", i1 false"),
        Intrinsic.TRAILING_ZEROS: ("cttz", ", i1 false"),
        Intrinsic.COUNT_ONES: ("ctpop", ""),
        Intrinsic.BYTE_SWAP: ("bswap", ""),
    }[node.intrinsic]
    if name == "bswap" and spelt == "i8":
        return values[0]
    declared = ", i1 immarg" if zero_is_poison else ""
    w.unit.use_intrinsic(f"declare {spelt} @llvm.{name}.{spelt}({spelt}{declared})")
    return w.let(f"call {spelt} @llvm.{name}.{spelt}({spelt} {values[0]}{zero_is_poison})")
