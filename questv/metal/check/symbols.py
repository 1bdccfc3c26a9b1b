"""Symbols: all definitions of a program share one set of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.check.signatures import definition_line
from questv.metal.definitions import DEFINITIONS, MetalFunction, StaticKind, StaticVariable
from questv.metal.source import source_of
from questv.metal.types import brief

_Definition = MetalFunction | StaticVariable
_NAME = re.compile(r"(?!llvm\.)[A-Za-z_$][A-Za-z0-9_.$]*")


def check_symbols(modules: Iterable[str]) -> list[Diagnostic]:
    """What is wrong with the symbols that ``modules`` define or take from elsewhere."""
    diagnostics: list[Diagnostic] = []
    program: dict[str, _Definition] = {}
    for module in sorted(modules):
        if not _has_source(module):
            continue  # which is an error of its own
        own: dict[str, _Definition] = {}
        definitions: list[_Definition] = []
        definitions += DEFINITIONS[module].functions
        definitions += DEFINITIONS[module].statics
        for definition in definitions:
            if definition.export is not None and not _is_name(definition.export):
                diagnostics.append(
                    Diagnostic(
                        _place(definition),
                        f"{brief(definition.export)} can't be a symbol",
                        "use letters, digits, '_', '.' and '$', and begin with a letter",
                        "symbol-name",
                    )
                )
                continue
            try:
                symbol = definition.symbol
            except LookupError:
                continue  # a variable without a name, which is an error of its own
            other = own.get(symbol)
            if not _is_external(definition):
                other = other or program.get(symbol)
                program.setdefault(symbol, definition)
            own.setdefault(symbol, definition)
            if other is not None:
                taken = _place(other)
                diagnostics.append(
                    Diagnostic(
                        _place(definition),
                        f"the symbol '{symbol}' is taken already, at {taken.file}:{taken.line}",
                        "give one of the two another name",
                        "symbol-twice",
                    )
                )
    return diagnostics


def _has_source(module: str) -> bool:
    try:
        source_of(module)
    except DiagnosticsError:
        return False
    return True


def _is_name(export: object) -> bool:
    return type(export) is str and _NAME.fullmatch(export) is not None


def _is_external(definition: _Definition) -> bool:
    return isinstance(definition, StaticVariable) and definition.kind is StaticKind.EXTERNAL


def _place(definition: _Definition) -> Place:
    source = source_of(definition.module)
    if isinstance(definition, StaticVariable):
        return source.place(source.statement(definition.line))
    return source.place(source.functions.get(definition_line(definition), source.tree))
