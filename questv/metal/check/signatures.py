"""The signatures of functions and the declared types of module-level variables."""

from __future__ import annotations

import ast
import functools
import sys
from dataclasses import dataclass
from typing import Any

from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.source import source_of
from questv.metal.types import (
    CellType,
    FunctionType,
    LayoutError,
    Type,
    evaluate,
    is_aggregate,
    is_scalar,
    require_complete,
)


class SignatureError(LayoutError):
    """A signature that can't be compiled; ``parameter`` names the part that is wrong."""

    def __init__(self, parameter: str, rule: str, message: str, fix: str) -> None:
        """Carry the parameter's name besides what every LayoutError carries."""
        self.parameter = parameter
        super().__init__(rule, message, fix)


@dataclass(frozen=True)
class Signature:
    """Parameter names and types in order, and the type of the result."""

    parameters: tuple[tuple[str, Type], ...]
    result: Type

    @property
    def type(self) -> FunctionType:
        """The type of a pointer to such a function."""
        return FunctionType(tuple(type_ for _, type_ in self.parameters), self.result)


MAX_PARAMETERS = 6
"""As many as the System V convention passes in registers, so that no call pushes arguments."""


@functools.lru_cache(maxsize=4096)
def signature(function: MetalFunction) -> Signature:
    """The signature of ``function``; raises SignatureError."""
    python = function.python
    code = python.__code__
    names = code.co_varnames[: code.co_argcount]
    if code.co_kwonlyargcount or code.co_flags & 0x0C or python.__defaults__:
        raise SignatureError(
            "",
            "parameter-form",
            f"{function.name} has default values, *args, **kwargs or keyword-only parameters",
            "give it plain parameters, each with a type; callers give every one of them",
        )
    if len(names) > MAX_PARAMETERS:
        raise SignatureError(
            names[MAX_PARAMETERS],
            "too-many-parameters",
            f"{function.name} has {len(names)} parameters; at most {MAX_PARAMETERS} are possible",
            "pass a reference to a struct instead",
        )
    hints = dict(python.__annotations__)
    if names and names[0] == "self" and "self" not in hints and "." in function.name:
        hints["self"] = function.name.rsplit(".", 1)[0]
    parameters = []
    for name in names:
        type_ = _part(function, hints, name)
        if not (is_scalar(type_) or is_aggregate(type_)):
            raise SignatureError(
                name,
                "parameter-type",
                f"parameter '{name}' can't be {type_}",
                cell_fix(type_),
            )
        parameters.append((name, type_))
    result = _part(function, hints, "return")
    if not (is_scalar(result) or is_aggregate(result)) and result.size:
        raise SignatureError(
            "return",
            "result-type",
            f"a function can't return {result}",
            cell_fix(result),
        )
    return Signature(tuple(parameters), result)


def cell_fix(type_: Type) -> str:
    """What to use in the place of a type that no name can have."""
    if isinstance(type_, CellType):
        return f"cells live in memory: take Ptr[{type_}], or a reference to the struct around it"
    return "use a scalar, a pointer, a struct or an array"


def _part(function: MetalFunction, hints: dict[str, Any], name: str) -> Type:
    if name not in hints:
        what = "its result" if name == "return" else f"parameter '{name}'"
        raise SignatureError(
            name,
            "annotation-missing",
            f"{function.name} does not say the type of {what}",
            f"annotate {what}" + (" (-> None if there is none)" if name == "return" else ""),
        )
    try:
        return evaluate_annotation(hints[name], function.python.__globals__)
    except LayoutError as error:
        raise SignatureError(name, error.rule, str(error), error.fix) from error


def static_type(variable: StaticVariable) -> Type:
    """The declared type of a module-level variable; raises LayoutError."""
    module = sys.modules[variable.module]
    kind = variable.kind.value
    try:
        name = variable.name
    except LookupError:
        raise LayoutError(
            "static-unnamed",
            f"a variable made with {kind}() is not assigned to a name at module level",
            f"write it on a line of its own: name: u64 = {kind}(...)",
        ) from None
    annotation = getattr(module, "__annotations__", {}).get(name)
    if annotation is None:
        raise LayoutError(
            "annotation-missing",
            f"module-level variable '{name}' has no type",
            f"annotate it: {name}: u64 = {kind}(...)",
        )
    return evaluate_annotation(annotation, vars(module))


def evaluate_annotation(annotation: Any, names: dict[str, Any]) -> Type:
    """The type that an annotation stands for, whether or not Python evaluated it already.

    Raises LayoutError, also if a pointer inside points to nothing that can be read.
    """
    type_ = evaluate(annotation, names)
    require_complete(type_)
    return type_


def definition_line(function: MetalFunction) -> int:
    """The line of a function's first decorator, by which its source is found."""
    return function.python.__code__.co_firstlineno


def definition_node(function: MetalFunction) -> ast.FunctionDef:
    """The source of ``function``; raises SignatureError if it is not where it should be."""
    if "<locals>" in function.name:
        raise SignatureError(
            "",
            "nested-function",
            f"{function.name.rpartition('.')[2]} is defined inside another function",
            "define metal functions at module level or in a struct",
        )
    node = source_of(function.module).functions.get(definition_line(function))
    if node is None or node.name != function.python.__name__:
        raise SignatureError(
            "",
            "function-form",
            f"the source of {function.name} is not in its module's file",
            "write it out with def in that file; if the file has changed since, start again",
        )
    return node


def part_node(node: ast.FunctionDef, part: str) -> ast.AST:
    """Where a parameter's type or the result's ("return") is written, or else the function."""
    for argument in (*node.args.posonlyargs, *node.args.args):
        if argument.arg == part:
            return argument.annotation or argument
    if part == "return" and node.returns is not None:
        return node.returns
    return node


def source_text(function: MetalFunction) -> str:
    """The source of one function, decorators left out; raises SignatureError."""
    node = definition_node(function)
    lines = source_of(function.module).text.split("\n")
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])
