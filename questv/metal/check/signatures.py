"""The signatures of functions and the declared types of module-level variables."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import Any

from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.source import source_of
from questv.metal.types import (
    FunctionType,
    LayoutError,
    Type,
    as_type,
    is_aggregate,
    is_scalar,
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
            "give it plain parameters, each with a type",
        )
    if len(names) > MAX_PARAMETERS:
        raise SignatureError(
            names[MAX_PARAMETERS],
            "too-many-parameters",
            f"{function.name} has {len(names)} parameters; at most {MAX_PARAMETERS} are possible",
            "pass a struct instead",
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
                "pass a scalar, a pointer, or a reference to a struct or array",
            )
        parameters.append((name, type_))
    result = _part(function, hints, "return")
    if is_aggregate(result) is False and not is_scalar(result) and result.size:
        raise SignatureError(
            "return", "result-type", f"a function can't return {result}", "return a scalar"
        )
    return Signature(tuple(parameters), result)


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
    annotation = getattr(module, "__annotations__", {}).get(variable.name)
    if annotation is None:
        raise LayoutError(
            "annotation-missing",
            f"module-level variable '{variable.name}' has no type",
            f"annotate it: {variable.name}: u64 = {variable.kind.value}(...)",
        )
    return evaluate_annotation(annotation, vars(module))


def evaluate_annotation(annotation: Any, names: dict[str, Any]) -> Type:
    """The type that an annotation stands for, whether or not Python evaluated it already.

    Raises LayoutError.
    """
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names)
        except LayoutError:
            raise
        except Exception as error:
            raise LayoutError(
                "unknown-type",
                f"the type '{annotation}' can't be evaluated: {error}",
                "name a type of metal",
            ) from error
    return as_type(annotation)


def definition_line(function: MetalFunction) -> int:
    """The line of a function's first decorator, by which its source is found."""
    return function.python.__code__.co_firstlineno


def source_text(function: MetalFunction) -> str:
    """The source of one function, decorators left out."""
    source = source_of(function.module)
    node = source.functions[definition_line(function)]
    return "\n".join(source.text.splitlines()[node.lineno - 1 : node.end_lineno])
