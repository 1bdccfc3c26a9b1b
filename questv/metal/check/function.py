"""Checks one function: the state that a check keeps, names, and the dispatch over expressions."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from questv.diagnostics import Diagnostic
from questv.metal import tree
from questv.metal.check import calls, convert, operators, places, statements
from questv.metal.check.errors import AbandonedError
from questv.metal.check.flow import Flow
from questv.metal.check.known import (
    Dependency,
    Known,
    fingerprint,
    look_up,
    named_types,
)
from questv.metal.check.signatures import SignatureError, definition_node, part_node, signature
from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.naming import close_name, name_fix
from questv.metal.source import source_of
from questv.metal.types import NEVER, NONE, FloatType, LayoutError, Type, one_line

Operand = tree.Expression | tree.Place | Known


class FunctionChecker:
    """The check of one function; ``check`` is what others call."""

    def __init__(self, definition: MetalFunction) -> None:
        """Prepare the check; raises SignatureError if there is no source to check."""
        self.definition = definition
        self.source = source_of(definition.module)
        self.node = definition_node(definition)
        self.names = definition.python.__globals__
        self.diagnostics: list[Diagnostic] = []
        self.dependencies: set[Dependency] = set()
        self.locals: dict[str, tree.Local | None] = {}
        self.own_names = _assigned_names(self.node)
        self.globals: set[str] = set()
        self.flow = Flow()
        self.landing: ast.expr | None = None  # the value that is being assigned to a local
        self.result: Type = NONE
        self.tree: tree.Function

    # ---- errors ------------------------------------------------------------------------------

    def note(self, node: ast.AST, rule: str, message: str, fix: str) -> None:
        """Record an error at ``node`` and go on."""
        place = self.source.place(node)
        self.diagnostics.append(Diagnostic(place, one_line(message), one_line(fix), rule))

    def error(self, node: ast.AST, rule: str, message: str, fix: str) -> NoReturn:
        """Record an error at ``node`` and give up on the statement."""
        self.note(node, rule, message, fix)
        raise AbandonedError

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Around the check of what is not compiled: what it calls does not count."""
        own = self.tree
        fresh: dict[str, Any] = {"calls": set(), "pointer_calls": set(), "addresses_taken": set()}
        self.tree = dataclasses.replace(own, **fresh)
        try:
            yield
        finally:
            self.tree = own

    def layout_error(self, node: ast.AST, error: LayoutError) -> NoReturn:
        """Record a type's own complaint at ``node`` and give up on the statement."""
        self.error(node, error.rule, str(error), error.fix)

    # ---- the function ------------------------------------------------------------------------

    def check(self) -> tree.Function | None:
        """The typed function, or None with the errors in ``diagnostics``."""
        try:
            shape = signature(self.definition)
        except SignatureError as error:
            self.note(part_node(self.node, error.parameter), error.rule, str(error), error.fix)
            return None
        deep = _too_deep(self.node)
        if deep is not None:
            self.note(
                deep,
                "too-deep",
                f"this is nested more than {MAX_DEPTH} levels deep",
                "move a part into a function of its own, or use match for a long row of elif",
            )
            return None
        self.result = shape.result
        parameters = [
            tree.Local(name, type_, self.node.lineno, index)
            for index, (name, type_) in enumerate(shape.parameters)
        ]
        self.tree = tree.Function(
            self.definition, parameters, shape.result, list(parameters), line=self.node.lineno
        )
        self.locals = {local.name: local for local in parameters}
        self.flow.assign(*self.locals)
        self.depend(self.definition.module, self.definition.name, self.definition)
        self.depend_type(shape.type)
        try:
            for name, type_ in shape.parameters:
                self.check_floats(part_node(self.node, name), type_)
            self.check_floats(part_node(self.node, "return"), shape.result)
        except AbandonedError:
            return None
        self.tree.body = statements.check_body(self, self.node.body)
        self._check_end()
        return None if self.diagnostics else self.tree

    def _check_end(self) -> None:
        if not self.flow.reachable or self.diagnostics:
            return
        if self.result == NEVER:
            self.note(
                self.node,
                "returns-anyway",
                f"{self.definition.name} is declared NoReturn but can reach its end",
                "loop for ever, or end with a call that never returns",
            )
        elif self.result != NONE:
            self.note(
                self.node,
                "return-missing",
                f"{self.definition.name} can reach its end without returning {self.result}",
                "return a value on every path",
            )

    # ---- names -------------------------------------------------------------------------------

    def name(self, node: ast.Name) -> Operand:
        """What a name stands for: a local, a module-level variable or a compile-time value."""
        if node.id in self.locals:
            local = self.locals[node.id]
            if local is None:
                raise AbandonedError  # its own definition was in error, and that has been said
            if not self.flow.assigned(node.id):
                self.error(
                    node,
                    "maybe-unassigned",
                    f"'{node.id}' may be read here before it has a value",
                    "give it a value on every path that leads here",
                )
            return places.local_operand(node, local)
        if node.id in self.own_names:
            self._unassigned(node)
        value = self.known_name(node)
        if isinstance(value, StaticVariable):
            return places.static_operand(self, node, value)
        return Known(value)

    def _unassigned(self, node: ast.Name) -> NoReturn:
        """Refuse a name that the function assigns, and of which it knows nothing yet."""
        outside = self.names.get(node.id)
        if isinstance(outside, StaticVariable):
            self.error(
                node,
                "shadows-static",
                f"'{node.id}' is assigned in this function, so it is a local beside the module's "
                "variable",
                f"write 'global {node.id}' first, or choose another name",
            )
        fix = "give it a value first, or use another name below"
        variables = [
            name for name, value in self.names.items() if isinstance(value, StaticVariable)
        ]
        close = close_name(node.id, [*self.locals, *variables])
        if close:
            fix = f"did you mean '{close}'? otherwise {fix}"
        elif isinstance(outside, int):
            fix = (
                f"make it a variable, {node.id}: u64 = static({outside}) at module level, and "
                f"write 'global {node.id}' first"
            )
        self.error(
            node,
            "maybe-unassigned",
            f"'{node.id}' is read before it has a value: being assigned in this function, it is "
            "local in all of it",
            fix,
        )

    def known_name(self, node: ast.Name) -> object:
        """The Python object that a name which is no local stands for."""
        if node.id in self.names:
            value = self.names[node.id]
        elif hasattr(builtins, node.id):
            value = getattr(builtins, node.id)
        else:
            self.error(
                node,
                "unknown-name",
                f"'{node.id}' is not defined",
                name_fix(
                    node.id,
                    [*self.names, *self.locals],
                    "assign it first, or import it at the top of the module",
                ),
            )
        self.depend(self.definition.module, node.id, value)
        return value

    def depend(self, module: str, name: str, value: object) -> None:
        """Record that this function was made from what ``name`` means in ``module``."""
        with contextlib.suppress(LayoutError):  # what is broken is reported where it is defined
            self.dependencies.add(Dependency(module, name, fingerprint(value)))

    def depend_on(self, node: ast.expr) -> None:
        """Record that this function was made from an expression that Python evaluated."""
        expression = ast.unparse(node)
        module = self.definition.module
        with contextlib.suppress(LookupError):
            self.depend(module, expression, look_up(sys.modules[module], expression))

    def depend_type(self, type_: Type) -> None:
        """Record that this function was made from a type."""
        for python in named_types(type_):
            self.depend(python.__module__, python.__qualname__, python)

    # ---- expressions -------------------------------------------------------------------------

    def operand(self, node: ast.expr, expected: Type | None = None) -> Operand:
        """Check an expression; ``expected`` is the type that its context asks for, if any."""
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.Name():
                return self.name(node)
            case ast.Attribute():
                return places.attribute(self, node)
            case ast.Subscript():
                return places.subscript(self, node)
            case ast.BinOp():
                return operators.binary(self, node, expected)
            case ast.UnaryOp():
                return operators.unary(self, node, expected)
            case ast.Compare():
                return operators.compare(self, node)
            case ast.BoolOp():
                return operators.logic(self, node)
            case ast.IfExp():
                return operators.conditional(self, node, expected)
            case ast.Call():
                return calls.call(self, node)
        what, fix = _UNSUPPORTED.get(type(node), ("this expression", _EXPRESSIONS))
        self.error(node, "unsupported-expression", f"{what} can't be compiled", fix)

    def value(self, node: ast.expr, expected: Type | None = None) -> tree.Expression:
        """Check an expression that must yield a value, of type ``expected`` if that is given."""
        operand = self.operand(node, expected)
        result = convert.to_value(self, node, operand, expected)
        if expected is not None and result.type != expected:
            convert.mismatch(self, node, result.type, expected)
        return result

    def boolean(self, node: ast.expr) -> tree.Expression:
        """Check an expression that is tested."""
        return convert.to_boolean(self, node, self.operand(node))

    def _literal(self, node: ast.Constant) -> Known:
        if isinstance(node.value, bool | int | float | str):
            return Known(node.value)
        fix = "use an integer, True, False, a float or a string"
        if node.value is None:
            fix = "a null pointer is Ptr[T](0), and a test for one is pointer.is_null()"
        elif isinstance(node.value, bytes):
            fix = "make a table of them: name: Array[u8, n] = constant(b'...')"
        self.error(node, "unsupported-literal", f"{node.value!r} is no value in metal", fix)

    def check_floats(self, node: ast.AST, type_: Type) -> None:
        """Refuse floating point where its registers are not saved."""
        if isinstance(type_, FloatType) and not self.definition.floats:
            self.error(
                node,
                "floats-forbidden",
                f"{self.definition.name} uses floating point but is compiled without it",
                f"{self.floats_mark} if it is task code, or use integers",
            )

    @property
    def floats_mark(self) -> str:
        """How to permit floating point in this function."""
        if self.definition.role is None:
            return f"mark {self.definition.name} @metal(floats=True)"
        return f"pass floats=True to the decorator of {self.definition.name}"


def _assigned_names(function: ast.FunctionDef) -> set[str]:
    """The names that an assignment anywhere in a function makes local to it."""
    assigned: set[str] = set()
    declared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned.add(node.id)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
    return assigned - declared


MAX_DEPTH = 80
"""How deeply statements and expressions may be nested, so that no stage runs out of its stack."""


def _too_deep(function: ast.FunctionDef) -> ast.AST | None:
    """A node that is nested too deeply, if there is one."""
    waiting: list[tuple[ast.AST, int]] = [(function, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return node
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr | ast.stmt):
                waiting.append((part, depth + 1))
            elif not isinstance(part, ast.expr_context | ast.operator):
                waiting.append((part, depth))
    return None


_EXPRESSIONS = "write it with integers, structs, arrays, pointers and calls of metal functions"
_TABLE = "make an array: name: Array[T, n] = local(), or constant([...]) at module level"
_LOOP = "write a loop that fills an array"
_UNSUPPORTED: dict[type[ast.expr], tuple[str, str]] = {
    ast.JoinedStr: ("an f-string here", "f-strings are what formatters take, as in log(f'...')"),
    ast.List: ("a list", _TABLE),
    ast.Tuple: ("a tuple", _TABLE),
    ast.Dict: ("a dictionary", "use an array, or match"),
    ast.Set: ("a set", "use flags, or an array of bool"),
    ast.ListComp: ("a list comprehension", _LOOP),
    ast.SetComp: ("a set comprehension", _LOOP),
    ast.DictComp: ("a dictionary comprehension", _LOOP),
    ast.GeneratorExp: ("a generator", _LOOP),
    ast.Lambda: ("a lambda", "write a metal function and name it"),
    ast.Await: ("await", "call the function, or poll"),
    ast.Yield: ("a generator (yield)", "store the value where the caller finds it"),
    ast.YieldFrom: ("a generator (yield)", "store the values where the caller finds them"),
    ast.NamedExpr: ("an assignment inside an expression", "assign on a line of its own"),
    ast.Starred: ("a starred expression", "write the arguments out"),
    ast.Slice: (
        "a slice",
        "pass a pointer to its first element, ptr(array[first]), and its length",
    ),
}
