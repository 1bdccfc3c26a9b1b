"""Writes docs/api.md from what tasks import: ``python -m questv.api_reference``."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

from questv import api
from questv.metal.definitions import MetalFunction
from questv.metal.structs import Struct

PAGE = Path(__file__).parents[1] / "docs" / "api.md"

_INTRODUCTION = """\
# What tasks are written with

`from questv.api import ...` has what the kernel offers. Types and everything else of the language
come from `questv.metal.lang` and `questv.metal.structs`: see [metal](metal.md); sines, roots and
their like from `questv.math`: see [math](math.md). This page is made from the sources by
`python -m questv.api_reference`; the [guide](guide.md) shows all of it at work.

A task that is a process imports the same names from `questv.process`, which has all but `Stream`,
`Mutex` and what waits in the kernel (`Semaphore`, `Condition`, `watch`, `unwatch`).

Moments and deadlines are in nanoseconds since the machine's start; a deadline may be `FOREVER`.
"""


_DECORATORS: dict[object, str] = {
    api.task: "`@task`, `@task(floats=True)`",
    api.periodic: '`@periodic`, `@periodic(period="1 ms", budget="100 us", floats=True)`',
    api.initialize: "`@initialize(body)`",
}
"""How each is written above a function."""


def page() -> str:
    """The whole page."""
    origins = dict(_origins())
    parts = [_INTRODUCTION]
    for name in sorted(api.__all__, key=lambda name: (not isinstance(_value(name), type), name)):
        parts.append(_entry(name, origins.get(name, api)))
    return "\n".join(parts)


def _value(name: str) -> object:
    return getattr(api, name)


def _origins() -> Iterator[tuple[str, ModuleType]]:
    """Where each name is defined, with the name that it has there."""
    for node in ast.parse(inspect.getsource(api)).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, importlib.import_module(node.module)


def _entry(name: str, origin: ModuleType) -> str:
    value = _value(name)
    if isinstance(value, type) and issubclass(value, Struct):
        return _class(name, value)
    if isinstance(value, MetalFunction | FunctionType):
        return f"## {_call(name, value)}\n\n{_document(value)}\n"
    return f"## `{name}`\n\n{_document_of_variable(name, origin)}\n"


def _class(name: str, value: type) -> str:
    lines = [f"## `{name}`", "", inspect.cleandoc(value.__doc__ or ""), ""]
    methods = [
        (own, method)
        for own, method in vars(value).items()
        if isinstance(method, MetalFunction) and not own.startswith("_")
    ]
    if not methods:
        lines += [
            f"- `{field}: {type_}`" for field, type_ in inspect.get_annotations(value).items()
        ]
        lines.append("")
    for own, method in methods:
        lines += [f"### {_call(own, method)}", "", _document(method), ""]
    return "\n".join(lines)


def _call(name: str, function: MetalFunction | FunctionType) -> str:
    python = function.python if isinstance(function, MetalFunction) else function
    if function in _DECORATORS:
        return _DECORATORS[function]
    shape = inspect.signature(python)
    parameters = [part for part in shape.parameters.values() if part.name != "self"]
    shown = [f"{part.name}: {part.annotation}" for part in parameters]
    result = "" if shape.return_annotation == "None" else f" -> {shape.return_annotation}"
    return f"`{name}({', '.join(shown)}){result}`"


def _document(function: MetalFunction | FunctionType) -> str:
    python = function.python if isinstance(function, MetalFunction) else function
    return inspect.cleandoc(python.__doc__ or "").replace("``", "`")


def _document_of_variable(name: str, origin: ModuleType) -> str:
    """The text that follows an assignment in the module that makes it."""
    body = ast.parse(inspect.getsource(origin)).body
    for node, text in itertools.pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            return inspect.cleandoc(str(text.value.value)).replace("``", "`")
    raise LookupError(name)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
