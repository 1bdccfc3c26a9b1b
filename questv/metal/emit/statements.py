"""Statements: stores, branches and loops."""

from __future__ import annotations

from questv.metal import tree
from questv.metal.emit import expressions, places
from questv.metal.emit.ir import memory_type, register_type
from questv.metal.emit.writer import FunctionWriter, Loop
from questv.metal.tree import TrapKind
from questv.metal.types import EnumType, IntType


def emit_all(w: FunctionWriter, body: tuple[tree.Statement, ...]) -> None:
    """Emit statements in order; what can't be reached is left out."""
    for node in body:
        if not w.terminated:
            w.at(node)
            _emit(w, node)


def _emit(w: FunctionWriter, node: tree.Statement) -> None:
    match node:
        case tree.Assign():
            value = expressions.emit(w, node.value)
            where = places.address(w, node.place)
            w.at(node)
            _store(w, node.place, where, value)
        case tree.Update():
            _update(w, node)
        case tree.Unpack():
            _unpack(w, node)
        case tree.Copy():
            to, source = places.address(w, node.to), places.address(w, node.source)
            w.at(node)
            w.unit.use_intrinsic("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1 immarg)")
            size = node.to.type.size
            w.run(
                f"call void @llvm.memmove.p0.p0.i64(ptr {to}, ptr {source}, i64 {size}, i1 false)"
            )
        case tree.Clear():
            _clear(w, node)
        case tree.Evaluate():
            expressions.emit(w, node.value)
        case tree.Fence():
            w.run(f"fence {node.order.value}")
        case tree.Trap():
            w.trap(node.kind)
        case tree.Check():
            w.require(expressions.emit(w, node.test), TrapKind.ASSERTION)
        case tree.If():
            _if(w, node)
        case tree.While():
            _while(w, node)
        case tree.ForRange():
            _for(w, node)
        case tree.Match():
            _match(w, node)
        case tree.Return():
            _return(w, node)
        case tree.Break():
            w.jump(w.loops[-1].end)
        case tree.Continue():
            w.jump(w.loops[-1].next)
        case tree.Pass():
            # An instruction to stop at, that any optimization removes.
            w.let("add i1 false, false")
        case _:
            raise AssertionError(node)


def _store(w: FunctionWriter, place: tree.Place, where: str, value: str) -> None:
    if isinstance(place, tree.LocalPlace) and memory_type(place.type) == "ptr":
        w.run(f"store ptr {value}, ptr {where}")  # also a reference to an aggregate
    else:
        places.store(w, place, where, value)


def _update(w: FunctionWriter, node: tree.Update) -> None:
    where = places.address(w, node.place)
    w.at(node)
    type_ = node.place.type
    before = w.let(f"load {memory_type(type_)}, ptr {where}, align 1")
    value = expressions.emit(w, node.value)
    w.at(node)
    after = expressions.binary(w, node.operator, type_, before, value, node.value)
    places.store(w, node.place, where, after)


def _unpack(w: FunctionWriter, node: tree.Unpack) -> None:
    results = expressions.assembly(w, node.value)
    for place, value in zip(node.places, results, strict=True):
        places.store(w, place, places.address(w, place), value)


def _clear(w: FunctionWriter, node: tree.Clear) -> None:
    where = places.address(w, node.place)
    w.at(node)
    w.unit.use_intrinsic("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1 immarg)")
    size = node.place.type.size
    w.run(f"call void @llvm.memset.p0.i64(ptr {where}, i8 0, i64 {size}, i1 false)")


def _if(w: FunctionWriter, node: tree.If) -> None:
    test = expressions.emit(w, node.test)
    body, orelse, end = w.label("then"), w.label("else"), w.label("endif")
    w.at(node)
    w.branch(test, body, orelse if node.orelse else end)
    _block(w, body, node.body, end)
    if node.orelse:
        _block(w, orelse, node.orelse, end)
    _resume(w, end)


def _block(w: FunctionWriter, label: str, body: tuple[tree.Statement, ...], end: str) -> None:
    _resume(w, label)
    emit_all(w, body)
    w.jump(end)


def _resume(w: FunctionWriter, label: str) -> None:
    """Start a block that is only jumped to."""
    w.lines.append(f"{label}:")
    w.terminated = False


def _while(w: FunctionWriter, node: tree.While) -> None:
    test, body, end = w.label("while"), w.label("body"), w.label("endwhile")
    w.place(test)
    if node.forever:
        w.jump(body)
    else:
        value = expressions.emit(w, node.test)
        w.at(node)
        w.branch(value, body, end)
    w.loops.append(Loop(test, end))
    _block(w, body, node.body, test)
    w.loops.pop()
    _resume(w, end)
    if node.forever and not _breaks(node.body):
        w.end("unreachable")


def _breaks(body: tuple[tree.Statement, ...]) -> bool:
    """Whether a loop's body can leave it with ``break``."""
    for node in body:
        match node:
            case tree.Break():
                return True
            case tree.If() if _breaks(node.body) or _breaks(node.orelse):
                return True
            case tree.Match() if any(_breaks(case.body) for case in node.cases):
                return True
    return False


def _for(w: FunctionWriter, node: tree.ForRange) -> None:
    """Counts in a variable of its own, and never past the end: no bound can make it wrap."""
    type_ = node.target.type
    assert isinstance(type_, IntType)
    spelt, sign = register_type(type_), "s" if type_.signed else "u"
    start, stop = expressions.emit(w, node.start), expressions.emit(w, node.stop)
    counter = w.stack_slot(spelt, type_.align)
    body, advance, step, end = (w.label(hint) for hint in ("for", "advance", "step", "endfor"))
    w.at(node)
    w.run(f"store {spelt} {start}, ptr {counter}")
    before = f"{sign}lt" if node.step > 0 else f"{sign}gt"
    w.branch(w.let(f"icmp {before} {spelt} {start}, {stop}"), body, end)
    w.lines.append(f"{body}:")
    w.terminated = False
    current = w.let(f"load {spelt}, ptr {counter}")
    w.run(f"store {spelt} {current}, ptr {w.slots[node.target]}")
    w.loops.append(Loop(advance, end))
    emit_all(w, node.body)
    w.loops.pop()
    w.at(node)
    w.place(advance)
    current = w.let(f"load {spelt}, ptr {counter}")
    low, high = (current, stop) if node.step > 0 else (stop, current)
    left = w.let(f"sub {spelt} {high}, {low}")
    size = min(abs(node.step), (1 << type_.bits) - 1)
    w.branch(w.let(f"icmp ugt {spelt} {left}, {size}"), step, end)
    _resume(w, step)
    w.run(f"store {spelt} {w.let(f'add {spelt} {current}, {node.step}')}, ptr {counter}")
    w.jump(body)
    _resume(w, end)


def _match(w: FunctionWriter, node: tree.Match) -> None:
    subject = expressions.emit(w, node.subject)
    type_ = node.subject.type
    assert isinstance(type_, IntType | EnumType)
    spelt, end = register_type(type_), w.label("endmatch")
    labels = [w.label("case") for _ in node.cases]
    default = end
    targets = []
    for label, case in zip(labels, node.cases, strict=True):
        targets += [f"{spelt} {value}, label %{label}" for value in case.values]
        default = default if case.values else label
    w.at(node)
    w.end(f"switch {spelt} {subject}, label %{default} [ {' '.join(targets)} ]")
    for label, case in zip(labels, node.cases, strict=True):
        _block(w, label, case.body, end)
    _resume(w, end)


def _return(w: FunctionWriter, node: tree.Return) -> None:
    if node.value is None:
        w.end("ret void")
        return
    value = expressions.emit(w, node.value)
    w.at(node)
    w.end(f"ret {register_type(node.value.type)} {value}")
