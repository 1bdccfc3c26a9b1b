"""From an imported Python module to a checked one: every function, variable and inline copy."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.metal import tree
from questv.metal.check.function import FunctionChecker
from questv.metal.check.known import Dependency, fingerprint
from questv.metal.check.signatures import (
    SignatureError,
    definition_line,
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
from questv.metal.types import LayoutError


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
        symbols: dict[str, MetalFunction] = {}
        for definition in definitions.functions:
            if not self._defined_once(source, definition, symbols):
                continue
            if isinstance(definition, AssemblyFunction):
                if self._assembly_function(source, definition):
                    assembly.append(definition)
            else:
                checked = self._function(definition)
                if checked is not None:
                    functions.append(checked)
        for function in functions:
            self._copy_inline(function)
        if self.diagnostics:
            raise DiagnosticsError(self.diagnostics)
        own = {function.definition for function in functions}
        inlined = {key: value for key, value in self._inlined.items() if key not in own}
        return CheckedModule(
            self.module, functions, inlined, assembly, statics, definitions.assembly
        )

    # ---- functions ---------------------------------------------------------------------------

    def _function(self, definition: MetalFunction) -> tree.Function | None:
        checker = FunctionChecker(definition)
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

    def _defined_once(
        self, source: Source, definition: MetalFunction, symbols: dict[str, MetalFunction]
    ) -> bool:
        node = source.functions.get(definition_line(definition), source.tree)
        other = symbols.setdefault(definition.symbol, definition)
        if "<locals>" in definition.name:
            self._note(
                source,
                node,
                "nested-function",
                f"{definition.name} is defined inside another function",
                "define metal functions at module level or in a struct",
            )
            return False
        if other is not definition:
            self._note(
                source,
                node,
                "symbol-twice",
                f"two functions have the symbol '{definition.symbol}'; "
                f"the other is at line {definition_line(other)}",
                "rename one of them",
            )
            return False
        return True

    def _assembly_function(self, source: Source, definition: AssemblyFunction) -> bool:
        node = source.functions[definition_line(definition)]
        try:
            signature(definition)
        except SignatureError as error:
            self._note(source, node, error.rule, str(error), error.fix)
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

    # ---- variables ---------------------------------------------------------------------------

    def _static(self, source: Source, variable: StaticVariable) -> bool:
        try:
            name = variable.name
        except LookupError:
            self._note(
                source,
                source.tree,
                "static-unnamed",
                "a static() is not assigned to a module-level name",
                "write: name: type = static(value)",
            )
            return False
        node = source.variable(name) or source.tree
        try:
            type_ = static_type(variable)
            if type_.size == 0:
                raise LayoutError(
                    "variable-type", f"a variable can't be {type_}", "use a type that has a size"
                )
            if variable.kind is not StaticKind.EXTERNAL:
                data.initial_contents(type_, variable.initial)
        except LayoutError as error:
            self._note(source, node, error.rule, str(error), error.fix)
            return False
        except (TypeError, ValueError, OverflowError, KeyError, AttributeError) as error:
            self._note(
                source,
                node,
                "initial-value",
                f"'{name}' can't start with this value: {error}",
                f"give a value of type {type_}",
            )
            return False
        return True

    def _note(self, source: Source, node: ast.AST, rule: str, message: str, fix: str) -> None:
        self.diagnostics.append(Diagnostic(source.place(node), message, fix, rule))


def _is_trivial(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise | ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def initial_values(module: str) -> str:
    """A text that tells apart any two sets of values that a module's variables start with."""
    parts = []
    for static in DEFINITIONS[module].statics:
        try:
            parts.append(f"{static.symbol} {fingerprint(static)} {fingerprint(static.initial)}")
        except (LookupError, LayoutError):
            parts.append("broken")
    parts += [f"{function.symbol} {fingerprint(function)}" for function in _assembly(module)]
    return "\n".join([*parts, *DEFINITIONS[module].assembly])


def _assembly(module: str) -> list[MetalFunction]:
    return [f for f in DEFINITIONS[module].functions if isinstance(f, AssemblyFunction)]
