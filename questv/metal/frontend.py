"""From an imported Python module to a checked one: every function, variable and inline copy."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.metal import tree
from questv.metal.check.function import FunctionChecker
from questv.metal.check.known import Dependency
from questv.metal.check.signatures import (
    SignatureError,
    definition_line,
    definition_node,
    part_node,
    signature,
    static_type,
)
from questv.metal.definitions import (
    DEFINITIONS,
    AssemblyFunction,
    MetalFunction,
    StaticKind,
    StaticVariable,
)
from questv.metal.emit import data
from questv.metal.emit.module import CheckedModule
from questv.metal.source import Source, source_of
from questv.metal.types import LayoutError, one_line

MAX_VARIABLE = 1 << 28
"""The most bytes that one variable can have: its initial contents are made while compiling."""


@dataclass
class FrontEnd:
    """The check of one module; ``check`` is what others call."""

    module: str
    diagnostics: list[Diagnostic] = field(default_factory=list)
    dependencies: set[Dependency] = field(default_factory=set)
    _inlined: dict[MetalFunction, tree.Function] = field(default_factory=dict)

    def check(self) -> CheckedModule:
        """The checked module; raises DiagnosticsError with everything that is wrong in it."""
        definitions = DEFINITIONS[self.module]
        source = source_of(self.module)
        statics = [static for static in definitions.statics if self._static(source, static)]
        functions: list[tree.Function] = []
        assembly: list[AssemblyFunction] = []
        for definition in definitions.functions:
            if isinstance(definition, AssemblyFunction):
                if self._assembly_function(source, definition):
                    assembly.append(definition)
            else:
                checked = self._function(definition)
                if checked is not None:
                    functions.append(checked)
        for function in functions:
            self._copy_inline(function)
        self._refuse_endless_copies({part.definition: part for part in functions} | self._inlined)
        if self.diagnostics:
            raise DiagnosticsError(self.diagnostics)
        own = {function.definition for function in functions}
        inlined = {key: value for key, value in self._inlined.items() if key not in own}
        return CheckedModule(
            self.module, functions, inlined, assembly, statics, definitions.assembly
        )

    # ---- functions ---------------------------------------------------------------------------

    def _function(self, definition: MetalFunction) -> tree.Function | None:
        try:
            checker = FunctionChecker(definition)
        except SignatureError as error:
            self._signature_error(definition, error)
            return None
        checked = checker.check()
        self.diagnostics += checker.diagnostics
        self.dependencies |= checker.dependencies
        return checked

    def _copy_inline(self, function: tree.Function) -> None:
        """Check the inline functions of other modules that ``function`` copies in."""
        for callee in sorted(function.calls, key=lambda called: called.symbol):
            if callee.inline and callee.module != self.module and callee not in self._inlined:
                checked = self._function(callee)
                if checked is not None:
                    self._inlined[callee] = checked
                    self._copy_inline(checked)

    def _refuse_endless_copies(self, trees: dict[MetalFunction, tree.Function]) -> None:
        """Refuse inline functions that would be copied into themselves."""
        for start in trees:
            path = _way_back(start, trees)
            if path:
                names = " -> ".join(part.name for part in [*path, start])
                self._note(
                    source_of(start.module),
                    definition_node(start),
                    "recursion",
                    f"functions call themselves: {names}",
                    "use a loop: recursion has no bound on its stack",
                )

    def _assembly_function(self, source: Source, definition: AssemblyFunction) -> bool:
        try:
            node = definition_node(definition)
            signature(definition)
        except SignatureError as error:
            self._signature_error(definition, error)
            return False
        body = [part for part in node.body if not _is_trivial(part)]
        if body:
            self._note(
                source,
                body[0],
                "assembly-body",
                f"the body of {definition.name} is its assembly",
                "leave only a docstring, '...' or 'raise NotImplementedError' here",
            )
        return not body

    def _signature_error(self, definition: MetalFunction, error: SignatureError) -> None:
        source = source_of(definition.module)
        node: ast.AST | None = source.functions.get(definition_line(definition))
        if isinstance(node, ast.FunctionDef):
            node = part_node(node, error.parameter)
        self._note(source, node or source.tree, error.rule, str(error), error.fix)

    # ---- variables ---------------------------------------------------------------------------

    def _static(self, source: Source, variable: StaticVariable) -> bool:
        statement = source.statement(variable.line)
        node = getattr(statement, "annotation", statement)
        try:
            type_ = static_type(variable)
            if type_.size == 0:
                raise LayoutError(
                    "variable-type", f"a variable can't be {type_}", "use a type that has a size"
                )
            if variable.kind is not StaticKind.EXTERNAL:
                if type_.size > MAX_VARIABLE:
                    raise LayoutError(
                        "variable-size",
                        f"'{variable.name}' would add {type_.size:#x} bytes to the program",
                        f"a variable has at most {MAX_VARIABLE:#x} bytes: reach more memory "
                        "through a pointer or external()",
                    )
                data.initial_contents(type_, variable.initial)
        except LayoutError as error:
            self._note(source, node, error.rule, str(error), error.fix)
            return False
        except (TypeError, ValueError, OverflowError) as error:
            self._note(
                source,
                getattr(statement, "value", None) or statement,
                "initial-value",
                f"'{variable.name}' can't start with this value: {error}",
                f"give a value of type {type_}",
            )
            return False
        return True

    def _note(self, source: Source, node: ast.AST, rule: str, message: str, fix: str) -> None:
        self.diagnostics.append(Diagnostic(source.place(node), one_line(message), fix, rule))


def _way_back(
    start: MetalFunction, trees: dict[MetalFunction, tree.Function]
) -> list[MetalFunction] | None:
    """The inline functions by which an inline function comes to call itself."""
    paths = [[start]] if start.inline else []
    seen = set()
    while paths:
        path = paths.pop()
        for called in sorted(trees[path[-1]].calls, key=lambda called: called.symbol):
            if called is start:
                return path
            if called.inline and called in trees and called not in seen:
                seen.add(called)
                paths.append([*path, called])
    return None


def _is_trivial(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise | ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
