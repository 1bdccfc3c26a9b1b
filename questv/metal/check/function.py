"""Checks one function: the state that a check keeps, names, and the dispatch over expressions."""

from __future__ import annotations

import ast
import builtins
import contextlib
from typing import NoReturn

from questv.diagnostics import Diagnostic
from questv.metal import tree
from questv.metal.check import calls, convert, operators, places, statements
from questv.metal.check.errors import AbandonedError
from questv.metal.check.flow import Flow
from questv.metal.check.known import Dependency, Known, fingerprint
from questv.metal.check.signatures import SignatureError, definition_line, signature
from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.source import source_of
from questv.metal.types import NEVER, NONE, FloatType, LayoutError, Type

Operand = tree.Expression | tree.Place | Known


class FunctionChecker:
    """The check of one function; ``check`` is what others call."""

    def __init__(self, definition: MetalFunction) -> None:
        """Prepare the check; nothing is checked yet."""
        self.definition = definition
        self.source = source_of(definition.module)
        self.node = self.source.functions[definition_line(definition)]
        self.names = definition.python.__globals__
        self.diagnostics: list[Diagnostic] = []
        self.dependencies: set[Dependency] = set()
        self.locals: dict[str, tree.Local | None] = {}
        self.globals: set[str] = set()
        self.flow = Flow()
        self.landing: ast.expr | None = None  # the value that is being assigned to a local
        self.result: Type = NONE
        self.tree: tree.Function

    # ---- errors ------------------------------------------------------------------------------

    def note(self, node: ast.AST, rule: str, message: str, fix: str) -> None:
        """Record an error at ``node`` and go on."""
        self.diagnostics.append(Diagnostic(self.source.place(node), message, fix, rule))

    def error(self, node: ast.AST, rule: str, message: str, fix: str) -> NoReturn:
        """Record an error at ``node`` and give up on the statement."""
        self.note(node, rule, message, fix)
        raise AbandonedError

    def layout_error(self, node: ast.AST, error: LayoutError) -> NoReturn:
        """Record a type's own complaint at ``node`` and give up on the statement."""
        self.error(node, error.rule, str(error), error.fix)

    # ---- the function ------------------------------------------------------------------------

    def check(self) -> tree.Function | None:
        """The typed function, or None with the errors in ``diagnostics``."""
        try:
            shape = signature(self.definition)
        except SignatureError as error:
            self.note(self._signature_node(error.parameter), error.rule, str(error), error.fix)
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
        try:
            for (_, type_), argument in zip(shape.parameters, self.node.args.args, strict=True):
                self.check_floats(argument, type_)
            self.check_floats(self._signature_node("return"), shape.result)
        except AbandonedError:
            return None
        self.tree.body = statements.check_body(self, self.node.body)
        self._check_end()
        return None if self.diagnostics else self.tree

    def _signature_node(self, parameter: str) -> ast.AST:
        for argument in self.node.args.args:
            if argument.arg == parameter:
                return argument.annotation or argument
        if parameter == "return" and self.node.returns is not None:
            return self.node.returns
        return self.node

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
        value = self.known_name(node)
        if isinstance(value, StaticVariable):
            return places.static_operand(self, node, value)
        return Known(value)

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
                "assign it first, or import it at the top of the module",
            )
        self.depend(self.definition.module, node.id, value)
        return value

    def depend(self, module: str, name: str, value: object) -> None:
        """Record that this function was made from a module-level value."""
        with contextlib.suppress(LayoutError):  # what is broken is reported where it is defined
            self.dependencies.add(Dependency(module, name, fingerprint(value)))

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
        self.error(
            node,
            "unsupported-expression",
            f"{_described(node)} can't be compiled",
            "write it with integers, structs, arrays, pointers and calls of metal functions",
        )

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
        self.error(
            node,
            "unsupported-literal",
            f"the literal {node.value!r} has no meaning in metal",
            "use an integer, True, False, a float or a string",
        )

    def check_floats(self, node: ast.AST, type_: Type) -> None:
        """Refuse floating point where its registers are not saved."""
        if isinstance(type_, FloatType) and not self.definition.floats:
            self.error(
                node,
                "floats-forbidden",
                f"{self.definition.name} uses floating point but is compiled without it",
                "mark it @metal(floats=True) if it is task code, or use integers",
            )


def _described(node: ast.expr) -> str:
    names = {
        ast.JoinedStr: "an f-string here",
        ast.ListComp: "a list comprehension",
        ast.List: "a list",
        ast.Dict: "a dictionary",
        ast.Set: "a set",
        ast.Tuple: "a tuple",
        ast.Lambda: "a lambda",
        ast.Await: "await",
        ast.Yield: "yield",
        ast.NamedExpr: "an assignment inside an expression",
        ast.Starred: "a starred expression",
        ast.Slice: "a slice",
    }
    return names.get(type(node), f"a {type(node).__name__} expression")
