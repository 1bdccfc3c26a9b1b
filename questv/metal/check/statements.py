"""Statements: assignment, branches, loops, and where control goes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from questv.metal import lang, tree
from questv.metal.check import convert, fixes, formatting, operations, operators, places
from questv.metal.check.errors import AbandonedError
from questv.metal.check.flow import merge
from questv.metal.check.known import Known
from questv.metal.check.signatures import cell_fix, evaluate_annotation
from questv.metal.definitions import StaticKind, StaticVariable
from questv.metal.types import (
    NEVER,
    NONE,
    U64,
    ArrayType,
    CellType,
    EnumType,
    IntType,
    LayoutError,
    Type,
    is_aggregate,
    is_scalar,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker

Statements = tuple[tree.Statement, ...]


def check_body(c: FunctionChecker, body: list[ast.stmt]) -> Statements:
    """Check statements in order; after an error in one the next is still checked."""
    made: list[tree.Statement] = []
    for node in body:
        if not c.flow.reachable:
            c.note(
                node, "unreachable", "control never comes here", "remove it, or what ends the path"
            )
            break
        before = c.flow.state
        try:
            made += _statement(c, node)
        except AbandonedError:
            c.flow.state = before
            _forget_targets(c, node)
            if _breaks(node):
                c.flow.may_leave_loop()
    return tuple(made)


def _breaks(node: ast.AST) -> bool:
    """Whether a statement can end the loop that it stands in."""
    if isinstance(node, ast.While | ast.For | ast.FunctionDef | ast.ClassDef):
        return False
    return isinstance(node, ast.Break) or any(map(_breaks, ast.iter_child_nodes(node)))


def _forget_targets(c: FunctionChecker, node: ast.stmt) -> None:
    """After an error, say nothing more about the names that the statement would have set."""
    names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    names += node.names if isinstance(node, ast.Global) else []
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.append(part.id)
        elif isinstance(part, ast.alias):
            names.append(part.asname or part.name)
    for name in names:
        c.locals.setdefault(name, None)
        c.flow.assign(name)


def _at(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset + 1


def _statement(c: FunctionChecker, node: ast.stmt) -> list[tree.Statement]:
    match node:
        case ast.Expr():
            return _expression_statement(c, node)
        case ast.Assign():
            return [_assign(c, node)]
        case ast.AnnAssign():
            return _annotated(c, node)
        case ast.AugAssign():
            return [_update(c, node)]
        case ast.Return():
            return [_return(c, node)]
        case ast.If():
            return _if(c, node)
        case ast.While():
            return _while(c, node)
        case ast.For():
            return [_for(c, node)]
        case ast.Match():
            return [_match(c, node)]
        case ast.Break() | ast.Continue():
            return [_jump(c, node)]
        case ast.Assert():
            return [_assert(c, node)]
        case ast.Pass():
            return [tree.Pass(*_at(node))]
        case ast.Global():
            _global(c, node)
            return []
    what, fix = _UNSUPPORTED.get(type(node), ("this statement", _STATEMENTS))
    c.error(node, "unsupported-statement", f"{what} can't be compiled", fix)


_STATEMENTS = "metal has assignments, if, while, for, match, assert, return, pass and calls"
_EXCEPTIONS = "there are no exceptions: return a value that tells of the failure, or use trap()"
_ELSEWHERE = "write it at module level"
_UNSUPPORTED: dict[type[ast.stmt], tuple[str, str]] = {
    ast.Try: ("try", _EXCEPTIONS),
    ast.Raise: ("raise", _EXCEPTIONS),
    ast.With: ("with", "call what it would call at its start and end"),
    ast.Delete: ("del", "locals need no end; clear(place) zeroes memory"),
    ast.Nonlocal: ("nonlocal", "keep the state in a struct or a module-level variable"),
    ast.FunctionDef: ("a function inside a function", _ELSEWHERE),
    ast.ClassDef: ("a class inside a function", _ELSEWHERE),
    ast.Import: ("import inside a function", _ELSEWHERE),
    ast.ImportFrom: ("import inside a function", _ELSEWHERE),
}


# ---- assignment ------------------------------------------------------------------------------


def _assign(c: FunctionChecker, node: ast.Assign) -> tree.Statement:
    if len(node.targets) != 1:
        c.error(
            node, "assign-form", "one assignment sets one target", "write one line for each target"
        )
    target = node.targets[0]
    if isinstance(target, ast.Tuple):
        return _unpack(c, node, target)
    if isinstance(target, ast.Name) and _is_new(c, target):
        value = _landing_value(c, node.value, None)
        return _define(c, target, value)
    place = _target(c, target)
    if place is None:
        assert isinstance(target, ast.Name)
        local = c.locals[target.id]
        assert local is not None
        value = _landing_value(c, node.value, local.type)
        c.flow.assign(target.id)
        return tree.Assign(*_at(node), tree.LocalPlace(*_at(target), local.type, local), value)
    return tree.Assign(*_at(node), place, c.value(node.value, place.type))


def _landing_value(c: FunctionChecker, node: ast.expr, expected: Type | None) -> tree.Expression:
    """The value of an assignment to a local, where a hostile party's data may land."""
    c.landing = node
    try:
        return c.value(node, expected)
    finally:
        c.landing = None


def _is_new(c: FunctionChecker, target: ast.Name) -> bool:
    """Whether an assignment makes a local; not if it sets one, or a module-level variable."""
    if target.id in c.locals or target.id in c.globals:
        return False
    if isinstance(c.names.get(target.id), StaticVariable):
        c.error(
            target,
            "shadows-static",
            f"this would make a local '{target.id}' beside the module's variable",
            f"write 'global {target.id}' first, or choose another name",
        )
    return True


def _define(c: FunctionChecker, target: ast.Name, value: tree.Expression) -> tree.Statement:
    if isinstance(value, tree.Assembly) and len(value.results) > 1:
        c.error(
            target,
            "unpack-form",
            f"this asm() yields {len(value.results)} values, and '{target.id}' is one name",
            "unpack them: first, second = asm(...)",
        )
    if value.type in (NONE, NEVER):
        c.error(
            target,
            "no-value",
            f"'{target.id}' would get the result of a call that returns nothing",
            "put the call on a line by itself",
        )
    local = _declare(c, target, value.type)
    c.flow.assign(target.id)
    return tree.Assign(*_at(target), tree.LocalPlace(*_at(target), local.type, local), value)


def _declare(
    c: FunctionChecker, target: ast.Name, type_: Type, *, storage: bool = False
) -> tree.Local:
    c.check_floats(target, type_)
    local = tree.Local(target.id, type_, target.lineno, storage=storage)
    c.locals[target.id] = local
    c.tree.locals.append(local)
    return local


def _target(c: FunctionChecker, target: ast.expr) -> tree.Place | None:
    """The place that an assignment sets; None for a known local, which is set whole."""
    if isinstance(target, ast.Name) and target.id in c.locals:
        local = c.locals[target.id]
        if local is None:
            raise AbandonedError
        if local.storage:
            _refuse_aggregate(c, target, local.type)
        return None
    operand = c.operand(target)
    if not isinstance(operand, tree.Place):
        c.error(
            target,
            "no-place",
            f"'{ast.unparse(target)}' can't be assigned to",
            "assign to a variable, a field or an element",
        )
    if isinstance(operand.type, CellType):
        convert.place_value(c, target, operand)  # says which methods to use
    if not is_scalar(operand.type):
        _refuse_aggregate(c, target, operand.type)
    _refuse_constant(c, target, operand)
    c.check_floats(target, operand.type)
    return operand


def _refuse_aggregate(c: FunctionChecker, target: ast.expr, type_: Type) -> None:
    c.error(
        target,
        "aggregate-assignment",
        f"a whole {type_} is not assigned",
        f"copy it: copy({ast.unparse(target)}, source)",
    )


def _refuse_constant(c: FunctionChecker, node: ast.AST, place: tree.Place) -> None:
    root = place
    while isinstance(root, tree.FieldPlace | tree.IndexPlace):
        root = root.base
    if isinstance(root, tree.StaticPlace) and root.variable.kind is StaticKind.CONSTANT:
        c.error(
            node,
            "constant-write",
            f"'{root.variable.name}' is a constant",
            "make it static() if it changes",
        )


def _unpack(c: FunctionChecker, node: ast.Assign, target: ast.Tuple) -> tree.Statement:
    value = c.value(node.value) if isinstance(node.value, ast.Call) else None
    if not isinstance(value, tree.Assembly) or len(value.results) != len(target.elts):
        c.error(
            node,
            "unpack-form",
            "only the results of asm() are unpacked, one name for each",
            "assign values one by one",
        )
    locals_ = []
    for element, type_ in zip(target.elts, value.results, strict=True):
        if not isinstance(element, ast.Name):
            c.error(
                element,
                "unpack-form",
                "results are unpacked into local names",
                "use a name here, and assign it on the next line",
            )
        local = _set_local(c, element, type_)
        locals_.append(tree.LocalPlace(*_at(element), local.type, local))
    return tree.Unpack(*_at(node), tuple(locals_), value)


def _set_local(c: FunctionChecker, target: ast.Name, type_: Type) -> tree.Local:
    """The local that gets a value of ``type_``, made here if it is new."""
    if target.id in c.globals:
        c.error(
            target,
            "global-target",
            f"'{target.id}' is a module-level variable, and only a local can be set here",
            "use a local name, and assign it to the variable on a line of its own",
        )
    local = c.locals.get(target.id)
    if local is None:
        _is_new(c, target)
        local = _declare(c, target, type_)
    elif local.type != type_:
        c.error(
            target,
            "wrong-type",
            f"'{target.id}' is {fixes.article(local.type)}, but would be set to "
            f"{fixes.article(type_)}",
            "use another name",
        )
    c.flow.assign(target.id)
    return local


def _annotated(c: FunctionChecker, node: ast.AnnAssign) -> list[tree.Statement]:
    target = node.target
    if not isinstance(target, ast.Name):
        c.error(node, "assign-form", "only a new variable is annotated", "drop the annotation")
    if target.id in c.locals and c.locals[target.id] is not None:
        c.error(
            node,
            "annotated-twice",
            f"'{target.id}' has a type already",
            "annotate a variable where it first gets a value",
        )
    _is_new(c, target)
    try:
        type_ = evaluate_annotation(ast.unparse(node.annotation), c.names)
    except LayoutError as error:
        c.layout_error(node.annotation, error)
    c.depend_on(node.annotation)
    c.depend_type(type_)
    if not (is_scalar(type_) or is_aggregate(type_)):
        c.error(
            node.annotation,
            "variable-type",
            f"a local variable can't be {type_}",
            cell_fix(type_),
        )
    if node.value is not None and _is_local_call(c, node.value):
        return [_storage(c, node, target, type_)]
    if node.value is None:
        _declare(c, target, type_)
        return []
    try:
        value = _landing_value(c, node.value, type_)
    finally:  # its type is known, whatever its value
        local = _declare(c, target, type_)
        c.flow.assign(target.id)
    return [tree.Assign(*_at(target), tree.LocalPlace(*_at(target), type_, local), value)]


def _is_local_call(c: FunctionChecker, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and places.path_value(c, node.func) is lang.local


MAX_LOCAL = 1 << 20
"""The most bytes that a local can have; what a stack really holds is checked when it is known."""


def _storage(
    c: FunctionChecker, node: ast.AnnAssign, target: ast.Name, type_: Type
) -> tree.Statement:
    """``name: Type = local()``: zeroed memory in the function's own frame."""
    assert isinstance(node.value, ast.Call)
    operations.no_arguments(c, node.value)
    if not is_aggregate(type_):
        c.error(
            node,
            "local-form",
            f"local() makes structs and arrays, not {type_}",
            f"assign a value: {target.id}: {type_} = ...",
        )
    if type_.size > MAX_LOCAL:
        c.error(
            node.annotation,
            "local-size",
            f"'{target.id}' would take {type_.size:#x} bytes of the stack",
            f"a local has at most {MAX_LOCAL:#x} bytes: make it a module-level static()",
        )
    local = _declare(c, target, type_, storage=True)
    c.flow.assign(target.id)
    return tree.Clear(*_at(target), tree.LocalPlace(*_at(target), type_, local))


def _update(c: FunctionChecker, node: ast.AugAssign) -> tree.Statement:
    kind = operators.BINARY.get(type(node.op))
    if kind is None:
        c.error(
            node,
            "unsupported-operator",
            "this operator is only there for compile-time numbers",
            "write it out",
        )
    place = _update_target(c, node.target)
    operators.require_operator(c, node, kind, place.type)
    value = c.value(node.value, place.type)
    operators.check_constant_right(c, node.value, kind, value)
    return tree.Update(*_at(node), place, kind, value)


def _update_target(c: FunctionChecker, target: ast.expr) -> tree.Place:
    place = _target(c, target)
    if place is None:
        operand = c.operand(target)  # also refuses a local without a value
        assert isinstance(target, ast.Name)
        local = c.locals[target.id]
        assert local is not None and isinstance(operand, tree.Place)
        return tree.LocalPlace(*_at(target), local.type, local)
    return place


def _global(c: FunctionChecker, node: ast.Global) -> None:
    for name in node.names:
        if not isinstance(c.names.get(name), StaticVariable):
            c.error(
                node,
                "global-static",
                f"'{name}' is no variable of this module",
                f"define it at module level: {name}: u64 = static(0)",
            )
        c.globals.add(name)


# ---- calls and returns -----------------------------------------------------------------------


def _expression_statement(c: FunctionChecker, node: ast.Expr) -> list[tree.Statement]:
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return []  # a docstring
    if isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
        c.operand(node.value)  # says that there are none
    if not isinstance(node.value, ast.Call):
        c.error(node, "no-effect", "this value goes nowhere", "assign it, or remove the line")
    formatter = formatting.formatter_of(c, node.value)
    if formatter is not None:
        return formatting.statements(c, node.value, formatter)
    special = operations.statement(c, node.value)
    if special is not None:
        if isinstance(special, tree.Copy):
            _refuse_constant(c, node.value, special.to)
        elif isinstance(special, tree.Clear):
            _refuse_constant(c, node.value, special.place)
        return [special]
    operand = c.operand(node.value)
    if isinstance(operand, Known | tree.Place):
        c.error(node, "no-effect", "this value goes nowhere", "assign it, or remove the line")
    return [tree.Evaluate(*_at(node), operand)]


def _return(c: FunctionChecker, node: ast.Return) -> tree.Statement:
    value = None
    if node.value is not None and not _is_none(node.value):
        if c.result in (NONE, NEVER):
            # Who has made a decorator out of metal calls such functions, and takes no result.
            fix = "declare its result type, or return without a value"
            if c.definition.role is not None:
                fix = f"drop the value: a {c.definition.role} returns nothing"
            c.error(node, "returns-value", f"{c.definition.name} returns nothing", fix)
        value = c.value(node.value, c.result)
        _refuse_dangling(c, node, value)
    elif c.result == NEVER:
        c.error(
            node,
            "returns-anyway",
            f"{c.definition.name} is declared NoReturn, but returns here",
            "loop for ever, or end with a call that never returns",
        )
    elif c.result != NONE:
        c.error(
            node,
            "return-missing",
            f"{c.definition.name} must return {fixes.article(c.result)}",
            "return a value",
        )
    c.flow.stop()
    return tree.Return(*_at(node), value)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _refuse_dangling(c: FunctionChecker, node: ast.Return, value: tree.Expression) -> None:
    if not isinstance(value, tree.Reference):
        return
    root = value.place
    while isinstance(root, tree.FieldPlace | tree.IndexPlace):
        root = root.base
    if isinstance(root, tree.LocalPlace) and value.type != U64:
        c.error(
            node,
            "dangling",
            f"'{root.local.name}' is gone when the function has returned",
            "let the caller pass the memory in",
        )


def _assert(c: FunctionChecker, node: ast.Assert) -> tree.Statement:
    if not (node.msg is None or _is_text(node.msg)):
        c.error(
            node.msg,
            "assert-message",
            "an assertion's message is for its readers: nothing prints it",
            "write a string, or leave it out",
        )
    test = c.operand(node.test)
    if isinstance(test, Known) and test.value is False:
        c.error(
            node,
            "assert-false",
            "this assertion never holds",
            "mend the constants in it, or use trap() to stop here",
        )
    return tree.Check(*_at(node), convert.to_boolean(c, node.test, test))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


# ---- branches and loops ----------------------------------------------------------------------


def _if(c: FunctionChecker, node: ast.If) -> list[tree.Statement]:
    test = c.operand(node.test)
    before = c.flow.state
    if isinstance(test, Known) and isinstance(test.value, bool):
        return _static_if(c, node, test.value)
    condition = convert.to_boolean(c, node.test, test)
    body = check_body(c, node.body)
    after_body, c.flow.state = c.flow.state, before
    orelse = check_body(c, node.orelse)
    c.flow.state = merge(after_body, c.flow.state)
    return [tree.If(*_at(node), condition, body, orelse)]


def _static_if(c: FunctionChecker, node: ast.If, chosen: bool) -> list[tree.Statement]:
    """A branch that is decided at compile time: both sides are checked, one is compiled.

    What follows may be out of reach now and not with other constants: it is no error then.
    """
    before = c.flow.state
    with c.aside():
        check_body(c, node.orelse if chosen else node.body)
    after_other, c.flow.state = c.flow.state, before
    made = list(check_body(c, node.body if chosen else node.orelse))
    if not c.flow.reachable:
        c.flow.state = after_other
    return made


def _while(c: FunctionChecker, node: ast.While) -> list[tree.Statement]:
    _refuse_else(c, node)
    test = c.operand(node.test)
    forever = isinstance(test, Known) and test.value is True
    condition = convert.to_boolean(c, node.test, test)
    with c.flow.loop(None if forever else c.flow.state):
        body = check_body(c, node.body)
    return [tree.While(*_at(node), condition, body, forever)]


def _refuse_else(c: FunctionChecker, node: ast.While | ast.For) -> None:
    if node.orelse:
        c.error(
            node.orelse[0],
            "loop-else",
            "a loop's else is not supported",
            "use a flag or a function that returns",
        )


def _for(c: FunctionChecker, node: ast.For) -> tree.Statement:
    _refuse_else(c, node)
    call = node.iter
    is_range = (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id not in c.locals
        and c.names.get(call.func.id, range) is range
        and call.func.id == "range"
    )
    if not is_range or not isinstance(node.target, ast.Name):
        c.error(node, "for-form", "a for loop counts over a range", _for_fix(c, call))
    assert isinstance(call, ast.Call)
    start, stop, step, type_ = _range(c, call)
    before = c.flow.state
    local = _set_local(c, node.target, type_)
    with c.flow.loop(before):
        body = check_body(c, node.body)
    return tree.ForRange(*_at(node), local, start, stop, step, body)


def _for_fix(c: FunctionChecker, over: ast.expr) -> str:
    """How to write a loop that does not count, over whatever it is."""
    if isinstance(over, ast.List | ast.Tuple):
        values = ", ".join(ast.unparse(element) for element in over.elts)
        return (
            "make a table at module level, for example "
            f"VALUES: Array[u64, {len(over.elts)}] = constant([{values}]), "
            "and write: for index in range(u64(len(VALUES)))"
        )
    if isinstance(over, ast.Name | ast.Attribute | ast.Subscript):
        operand, shown = c.operand(over), ast.unparse(over)
        if isinstance(operand, Known) and isinstance(operand.value, int):
            return f"write: for index in range(u64({shown}))"
        if isinstance(operand, Known) or isinstance(operand.type, ArrayType):
            return f"write: for index in range(u64(len({shown})))"
        if isinstance(operand.type, IntType):
            return f"write: for index in range({shown})"
    return "write: for index in range(count)"


def _range(
    c: FunctionChecker, call: ast.Call
) -> tuple[tree.Expression, tree.Expression, int, IntType]:
    if call.keywords or not 1 <= len(call.args) <= 3:
        c.error(call, "for-form", "range() takes one to three numbers", "write range(count)")
    step = 1
    if len(call.args) == 3:
        known = c.operand(call.args[2])
        if not (isinstance(known, Known) and isinstance(known.value, int)) or known.value == 0:
            c.error(
                call.args[2],
                "range-step",
                "the step must be a constant other than zero",
                "use while for a step that varies",
            )
        step = int(known.value)
    bounds = call.args[:2]
    operands = [c.operand(bound) for bound in bounds]
    typed = [
        (bound, operand)
        for bound, operand in zip(bounds, operands, strict=True)
        if not (isinstance(operand, Known) and operand.is_number)
    ]
    if not typed:
        shown = ast.unparse(bounds[-1])
        c.error(
            call,
            "range-width",
            "nothing here says how wide the counter is",
            f"write range(u64({shown}))",
        )
    type_ = convert.to_value(c, *typed[0], None).type
    if not isinstance(type_, IntType):
        c.error(call, "for-form", f"range() counts integers, not {type_}", "cast to an integer")
    values = []
    for bound, operand in zip(bounds, operands, strict=True):
        value = convert.to_value(c, bound, operand, type_)
        if value.type != type_:
            convert.mismatch(c, bound, value.type, type_)
        values.append(value)
    if len(values) == 1:
        values.insert(0, tree.Constant(*_at(call), type_, 0))
    return values[0], values[1], step, type_


def _jump(c: FunctionChecker, node: ast.Break | ast.Continue) -> tree.Statement:
    if isinstance(node, ast.Break):
        c.flow.leave_loop()
        return tree.Break(*_at(node))
    c.flow.stop()
    return tree.Continue(*_at(node))


def _match(c: FunctionChecker, node: ast.Match) -> tree.Statement:
    subject = c.value(node.subject)
    if not isinstance(subject.type, IntType | EnumType):
        c.error(
            node.subject,
            "match-form",
            f"{subject.type} can't be matched",
            "match integers or enums",
        )
    before, after = c.flow.state, []
    cases: list[tree.Case] = []
    seen: set[int] = set()
    complete = False
    for case in node.cases:
        if case.guard is not None:
            c.note(case.guard, "match-guard", "a case can't have a guard", "use if inside the case")
        try:
            values = _pattern(c, case.pattern, subject.type)
        except AbandonedError:
            values = []  # and what the case does is still checked
        complete = values is None
        for value in values or ():
            if value in seen:
                c.note(case.pattern, "match-twice", f"{value} is matched before", "remove it")
            seen.add(value)
        c.flow.state = before
        cases.append(tree.Case(tuple(values or ()), check_body(c, case.body)))
        after.append(c.flow.state)
    if not complete:
        after.append(before)
    c.flow.state = merge(*after)
    return tree.Match(*_at(node), subject, tuple(cases))


def _pattern(c: FunctionChecker, pattern: ast.pattern, type_: Type) -> list[int] | None:
    """The values that a pattern stands for, or None for ``_``."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None:
        return None
    alternatives = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    values = []
    for alternative in alternatives:
        value = (
            c.value(alternative.value, type_) if isinstance(alternative, ast.MatchValue) else None
        )
        if not isinstance(value, tree.Constant):
            fix = "use if for other tests"
            if isinstance(alternative, ast.MatchAs) and alternative.name is not None:
                fix = f"to Python, '{alternative.name}' alone catches every value: write the "
                fix += "number, a member of an enum, or a name in a module, as in limits.LOW"
            c.error(pattern, "match-form", "a case is a constant, several joined by |, or _", fix)
        values.append(int(value.value))
    return values
