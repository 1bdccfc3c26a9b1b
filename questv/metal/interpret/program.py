"""The checked trees of the functions that are interpreted, found as they are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from questv.metal import tree
from questv.metal.definitions import MetalFunction
from questv.metal.frontend import FrontEnd
from questv.metal.interpret.events import Site
from questv.metal.lang import Order


class Program:
    """The trees of all functions of the modules that have been needed so far."""

    def __init__(self) -> None:
        """Nothing is checked yet."""
        self._functions: dict[MetalFunction, tree.Function] = {}
        self._modules: set[str] = set()

    def function(self, definition: MetalFunction) -> tree.Function | None:
        """The tree of a function, None if its body is assembly; raises DiagnosticsError."""
        self._require(definition.module)
        return self._functions.get(definition)

    def _require(self, module: str) -> None:
        if module not in self._modules:
            self._modules.add(module)
            for function in FrontEnd(module).check().functions:
                self._functions[function.definition] = function

    def orders(self, module: str) -> dict[Site, Order]:
        """Every place in a module where a memory order is named; raises DiagnosticsError."""
        self._require(module)
        return {
            site_of(function.definition, node): node.order
            for function in self._functions.values()
            if function.definition.module == module
            for node in _nodes(function.body)
            if isinstance(node, tree.CellAccess | tree.Fence) and node.order is not None
        }


def site_of(function: MetalFunction, node: tree.Node) -> Site:
    """Where a node of a function's tree stands."""
    return Site(function.symbol, node.line, node.column)


def _nodes(part: Any) -> Iterator[tree.Node]:
    """Every node of a tree."""
    if isinstance(part, tuple):
        for element in part:
            yield from _nodes(element)
    elif is_dataclass(part) and isinstance(part, tree.Node | tree.Case):
        if isinstance(part, tree.Node):
            yield part
        for field in fields(part):
            yield from _nodes(getattr(part, field.name))
